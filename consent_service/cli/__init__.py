"""What an operator types: one command a file, each with help that teaches."""
