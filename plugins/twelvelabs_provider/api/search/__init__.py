"""Search requests, calls and results."""
