"""Purposes, requests, previews, grants, endings, receipts, and the gate: the only door between units."""
