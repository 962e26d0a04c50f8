"""Prompt packs: what a pack is, which one a project has locked, and whether its bytes are still those. Executes nothing.

Reading (`manifest`, `lock`, `installed`, `packs`) touches no network and starts no process; fetching (`fetch`, `fetch_*`)
and writing (`exchange`, `project_edit`, ...) serve `runner pack` alone.
"""
