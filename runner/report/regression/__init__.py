"""The reports of `test`: the screen, JUnit and Markdown files, and the output for GitHub."""
