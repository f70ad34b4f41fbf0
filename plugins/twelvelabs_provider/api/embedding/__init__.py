"""Embedding requests, calls and results."""
