"""Arms: the samples of two or more runs, variants or revisions, joined case by case and compared."""
