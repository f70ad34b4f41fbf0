"""Search: what is asked, what is found, and how each generation writes it."""
