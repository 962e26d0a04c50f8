"""Translate JavaScript assertions to Jinja expressions."""
