"""Show the comparison of arms: on a terminal, as JSON, as Markdown, and as a page. Pure; decides nothing."""
