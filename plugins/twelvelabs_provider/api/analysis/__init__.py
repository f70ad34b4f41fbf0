"""Text generation about videos: requests, rules, responses, streams, summaries, batches."""
