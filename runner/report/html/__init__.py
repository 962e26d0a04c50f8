"""The report of a run as one HTML file that needs nothing else: entries in, bytes out. Pure; decides nothing."""
