"""Station 4: the one seam to a model, `send(Request) -> Response`, and what stands behind it."""
