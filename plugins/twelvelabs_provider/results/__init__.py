"""Rows and documents of each result kind."""
