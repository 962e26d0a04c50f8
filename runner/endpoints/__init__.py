"""Station 4: the only interface to a model, `send(Request) -> Response`, and its implementations."""
