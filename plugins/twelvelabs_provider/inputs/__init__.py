"""Arguments of operators, parsed and checked before any request."""
