"""Station 7: how results look to a person or a machine. Decides nothing."""
