"""Drift: the nights of a suite since its baseline, and what each of them showed."""
