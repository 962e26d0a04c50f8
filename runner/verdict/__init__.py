"""Decide from counts whether a suite has become worse: exact tests, intervals, power, looks and the verdict of a gate.

Pure and deterministic; uses only the standard library. docs/gates.md explains the method in plain words.
"""
