"""Prompts of other tools become ours: pure readers, pure translators of templates, one writer, one report."""
