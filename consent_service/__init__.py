"""Consent, release and delivery between the parties of Trøndelagsmodellen.

The rooms and the direction of their imports stand in the README and, as contracts, in pyproject.toml.
"""
