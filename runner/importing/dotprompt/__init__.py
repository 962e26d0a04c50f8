"""dotprompt: the front matter and the body of its files."""
