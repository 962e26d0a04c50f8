"""Define the version, which the build of the wheel reads. No other file repeats it."""

__version__ = "0.1.0"
