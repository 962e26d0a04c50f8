"""Station 1: what stands in files becomes frozen dataclasses with positions. No network, no Jinja."""
