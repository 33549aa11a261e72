"""Verbs about a whole person: export, erasure, lapsing."""
