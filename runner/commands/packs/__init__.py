"""What the `runner pack` commands do."""
