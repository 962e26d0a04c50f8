"""Write the report of a run as one self-contained HTML file: entries in, bytes out. Pure; decides nothing."""
