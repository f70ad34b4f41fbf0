"""Text generated about videos: questions, rules, answers, streams, summaries, batches."""
