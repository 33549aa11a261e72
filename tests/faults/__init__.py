"""Faults that ``make mutants`` plants: each one that a tired change could bring, and the tests that must find it.

Where another check does the same, a fault makes no difference, and there is none here. That is so for some checks that
stand all the same, each for the day on which the other is changed:

- the gate compares the parts that it opened with those in the terms: the commitment to the content covers them
- it compares the ids in the terms with those of the row: the row's MAC covers both
- it looks whether uses are left: the ledger, which spends them, looks too
- it looks whether a consent has begun: no clock is behind the log, where the grant stands
- a database's check value is compared: with another master key it does not open at all
"""

from __future__ import annotations

from tests.faults import (
    callers,
    consents,
    doors,
    erasure,
    gate,
    halves,
    letters,
    locks,
    log,
    logins,
    persons,
    plans,
    vault,
)
from tests.faults.fault import Fault

__all__ = ["FAULTS", "Fault"]

FAULTS = (
    *gate.FAULTS,
    *locks.FAULTS,
    *consents.FAULTS,
    *halves.FAULTS,
    *log.FAULTS,
    *vault.FAULTS,
    *erasure.FAULTS,
    *letters.FAULTS,
    *persons.FAULTS,
    *plans.FAULTS,
    *callers.FAULTS,
    *doors.FAULTS,
    *logins.FAULTS,
)
