"""Strict YAML and JSON with positions: text in, values and the line and column of each out."""
