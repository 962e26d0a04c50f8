"""Station 7: show results to people and machines. Decides nothing."""
