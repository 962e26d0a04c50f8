"""promptfoo's configuration files, read as promptfoo 0.123 reads them."""
