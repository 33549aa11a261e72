"""Guidance notes: drafts, their hand-over by a code, versions, reading."""
