"""How `run` reports: the screen, the closing summary, and the formats of `--output`."""
