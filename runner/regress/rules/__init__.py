"""How an answer is compared with the approved one: rules, comparators, paths, redaction."""
