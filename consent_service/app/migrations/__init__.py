"""Alembic's environment. It stands in the composition root because it must know every room's tables."""
