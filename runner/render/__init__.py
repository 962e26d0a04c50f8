"""Station 2: prompt x case -> messages, in a sandbox that sees JSON values only. No disk, clock or environment."""
