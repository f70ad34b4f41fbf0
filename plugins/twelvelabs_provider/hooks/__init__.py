"""I/O with the service: synchronous on workers, asynchronous in the triggerer."""
