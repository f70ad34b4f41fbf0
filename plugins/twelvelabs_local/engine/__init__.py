"""What is done with a video: decoding, reading, listening, extracting. No HTTP and no database here."""
