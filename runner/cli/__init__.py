"""Station 8: the command line; one file a command, imports inside the commands, no logic."""
