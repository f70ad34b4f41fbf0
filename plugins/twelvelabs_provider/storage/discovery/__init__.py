"""Discovery of new and changed videos in storage, in bounded memory."""
