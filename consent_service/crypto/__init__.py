"""Envelopes, canonical bytes, service keys and key providers."""
