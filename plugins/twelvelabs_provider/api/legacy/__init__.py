"""Calls that only v1.1 and v1.2 have."""
