"""Read Handlebars templates."""
