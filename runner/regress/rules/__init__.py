"""Compare an answer with the approved one: rules, comparators, paths, redaction."""
