"""Faults that ``make mutants`` plants: each one that a tired change could bring, and the tests that must find it.

A fault that makes no difference, because another check does the same, is none: the gate has a few. What is said to
have no fault here, and why, stands in ``tests.faults.twice``.
"""

from __future__ import annotations

from tests.faults import consents, doors, erasure, gate, locks, log, vault
from tests.faults.fault import Fault

__all__ = ["FAULTS", "Fault"]

FAULTS = (
    *gate.FAULTS,
    *locks.FAULTS,
    *consents.FAULTS,
    *log.FAULTS,
    *vault.FAULTS,
    *erasure.FAULTS,
    *doors.FAULTS,
)
