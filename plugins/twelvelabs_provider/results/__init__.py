"""What operators publish: rows and documents of each kind."""
