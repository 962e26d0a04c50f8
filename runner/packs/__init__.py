"""Prompt packs: their format, which ones a project has locked, and whether their bytes are unchanged. Executes nothing.

Reading (`manifest`, `lock`, `copies`, `pack_set`) uses no network and starts no process; fetching (`fetch`, `fetch_*`)
and writing (`file_transaction`, `project_edit`, ...) serve `runner pack` alone.
"""
