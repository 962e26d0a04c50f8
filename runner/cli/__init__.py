"""Station 8: the command line; one file per command, imports inside the commands, no logic."""
