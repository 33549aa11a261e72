"""Mapping requests, training plans and the plan as a PDF."""
