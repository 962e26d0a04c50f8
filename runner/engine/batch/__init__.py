"""Batches: requests that are written to a file, answered elsewhere in any order, and collected into the journal."""
