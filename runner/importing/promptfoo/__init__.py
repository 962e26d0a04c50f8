"""Import promptfoo's configuration files, with the semantics of promptfoo 0.123."""
