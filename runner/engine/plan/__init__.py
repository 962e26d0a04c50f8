"""What a run will do: cases, variants, samples and shards, rendered and checked before anything is sent."""
