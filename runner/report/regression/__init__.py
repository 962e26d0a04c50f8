"""How `test` reports: the screen, a JUnit or Markdown file, and what GitHub shows."""
