"""Fuzzing: what reads bytes that others wrote, under a million inputs each, held to more than not crashing.

    python -m tests.fuzz --inputs 1000000          # every target, resumable; see CONTRIBUTING.md
    python -m tests.fuzz yaml sse --seconds 60     # two of them, for a minute each
    python -m tests.fuzz yaml --replay FILE        # one input again, with its traceback

A target (`targets`) reads an input and holds the result to its laws. Inputs are real files, mutated (`mutate`).
Found cases are kept, minimised, in `corpus/<target>/`; `test_corpus.py` replays them with every run of the tests.
"""
