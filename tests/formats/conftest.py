collect_ignore = ["v1"]
