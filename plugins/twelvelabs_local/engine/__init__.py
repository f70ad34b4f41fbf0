"""Processing of media: decoding, OCR, speech recognition, extraction. No HTTP and no database."""
