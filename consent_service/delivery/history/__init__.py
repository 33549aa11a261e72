"""What became of letters, line by line: where they stood, and what the mailbox told of them afterwards."""
