"""Import files of dotprompt: their front matter and their body."""
