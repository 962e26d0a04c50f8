"""Pure judgements: schemas, the strict subset, paths, assertions. No I/O."""
