"""Whether a suite has become worse, from counts alone: exact tests, intervals, power, looks and the verdict of a gate.

Pure, deterministic, and of the standard library only. docs/gates.md says in plain words what it means.
"""
