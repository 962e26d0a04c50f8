"""Render prompt and case into messages, in a sandbox that sees only JSON values: no disk, clock or environment."""
