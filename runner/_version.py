"""The one place the version stands; the wheel is built from it."""

__version__ = "0.1.0"
