"""The reports of `run`: the screen, the closing summary, and the formats of `--output`."""
