"""Sensors for jobs that were started outside the task."""
