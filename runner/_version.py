"""The only place that states the version; the wheel is built from it."""

__version__ = "0.1.0"
