"""JavaScript assertions become expressions of Jinja."""
