"""Station 6: regression against approved snapshots in git: files, statuses, rules, verdicts, revisions. No HTTP."""
