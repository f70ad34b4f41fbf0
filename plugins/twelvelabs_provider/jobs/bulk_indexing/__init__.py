"""Indexing of many videos by one task: their state, its checkpoint, and the steps of each video."""
