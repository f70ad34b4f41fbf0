"""What the engine knows, in SQLite: one module per resource over one small database class."""
