"""Import files of Prompty: their front matter and their body."""
