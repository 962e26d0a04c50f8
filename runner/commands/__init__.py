"""Station 9: implement each command in a module named like the command; no click."""
