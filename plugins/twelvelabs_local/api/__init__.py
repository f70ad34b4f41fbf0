"""The service's calls, one module per resource; both generations share every handler."""
