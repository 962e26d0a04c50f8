"""Station 1: read files into frozen dataclasses with positions. No network, no Jinja."""
