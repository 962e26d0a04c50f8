"""Snapshot files: the values, the reader, the writer, the store."""
