"""Embeddings: what is asked, what comes, and how each generation writes it."""
