"""Sources, subtitles, formats, atomic publishing, manifests and the catalog."""
