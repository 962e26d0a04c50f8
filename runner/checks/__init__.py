"""Judge answers and prompts without I/O: schemas, the strict subset, paths, assertions."""
