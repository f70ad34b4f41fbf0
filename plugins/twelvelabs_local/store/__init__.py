"""Records of the engine in SQLite: one module per resource over a small database class."""
