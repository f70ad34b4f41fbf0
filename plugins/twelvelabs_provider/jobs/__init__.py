"""What a remote job is: its kinds, where it stands, how long to wait for it, and what is remembered about it."""
