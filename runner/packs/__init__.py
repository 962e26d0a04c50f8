"""Prompt packs: what a pack is, which one a project has locked, and whether its bytes are still those. Executes nothing.

Reading (`manifest`, `lock`, `copies`, `pack_set`) touches no network and starts no process; fetching (`fetch`, `fetch_*`)
and writing (`file_transaction`, `project_edit`, ...) serve `runner pack` alone.
"""
