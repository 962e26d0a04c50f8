"""Requests of two git revisions and what changed between them."""
