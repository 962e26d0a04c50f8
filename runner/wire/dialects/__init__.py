"""The wire formats, a module for each. `runner.apis` lists them."""
