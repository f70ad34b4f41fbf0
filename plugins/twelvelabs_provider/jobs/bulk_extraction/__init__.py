"""Extraction of the results of many videos by one task."""
