"""What every report shares: text in the width of a terminal, colours, tables, standard output, progress."""
