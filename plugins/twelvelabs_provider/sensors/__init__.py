"""Waits for things that somebody else started."""
