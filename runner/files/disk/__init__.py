"""Files on disk: reading without following surprises, writing whole or not at all, locking, and trees of files."""
