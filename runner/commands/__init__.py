"""Station 9: what each command does, in a module named like the command; no click."""
