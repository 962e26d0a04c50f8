"""What a run has stored: records, the append-only journal, its index, stored runs."""
