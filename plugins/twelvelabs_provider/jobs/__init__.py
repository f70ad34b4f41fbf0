"""Remote jobs: their kinds and states, task state, polling, deduplication and bulk indexing."""
