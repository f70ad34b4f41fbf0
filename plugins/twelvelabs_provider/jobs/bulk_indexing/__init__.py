"""Many videos that one task brings into an index: their book, its journal, and the steps of each."""
