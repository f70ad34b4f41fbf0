"""Where inputs come from and where results go: sources, subtitles, formats, atomic publish, manifest."""
