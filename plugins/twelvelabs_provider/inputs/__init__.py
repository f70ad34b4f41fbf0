"""What users give to operators, read and checked before anything is sent."""
