"""Station 3: bytes and values of the OpenAI-compatible protocol, without a socket. Pure functions."""
