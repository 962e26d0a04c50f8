"""The wire formats, one module for each. `runner.apis` lists them."""
