"""Strict YAML and JSON with positions: turn text into values, and know the line and column of each."""
