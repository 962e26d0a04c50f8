"""The common parts of all reports: text for a terminal's width, colours, tables, standard output, progress."""
