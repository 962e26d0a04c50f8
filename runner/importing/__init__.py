"""Import prompts of other tools: read sources, translate templates, and write prompt files and a report."""
