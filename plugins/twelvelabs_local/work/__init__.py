"""The jobs of the worker process: preparing assets, indexing videos, transcribing, analysing."""
