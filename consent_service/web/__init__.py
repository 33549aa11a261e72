"""The people's door: the candidate's pages, rendered on the server."""
