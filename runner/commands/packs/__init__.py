"""Implement the `runner pack` commands."""
