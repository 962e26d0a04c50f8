"""Storage of runs: records, the append-only journal, its index, the list of stored runs."""
