"""Verbs committed in two halves: who is served sees no difference, and only a process that dies in between does."""

from __future__ import annotations

from tests.faults.fault import Fault, in_room

CRASHES = "tests/consents/test_crashes.py"

_STATEMENT = ("storage.engine import Transaction\n", "storage.engine import Statement, Transaction\n")
_COMMIT = '    await tx.run(Statement("COMMIT"))\n'
_BEGIN = '    await tx.run(Statement("BEGIN"))\n'


def _split(room: str, what: str, last: str, *tests: str) -> Fault:
    """What comes from ``last`` on is committed by itself."""
    return in_room(room, what, last, _COMMIT + _BEGIN + last, CRASHES, *tests, also=(_STATEMENT,))


FAULTS = (
    _split("consents/grants", "a grant is committed before its receipt", "    await receipts.issue_granted("),
    _split(
        "consents/endings",
        "an end is committed before it is told",
        "    await tell(tx, *((after, place.at) for _, place, after in done))\n",
        "postgresql",
    ),
    in_room(
        "rights/erasure",
        "an erasure is written down as soon as it is committed",
        "    await journal.record(candidate_id, appended.at)\n",
        f"{_COMMIT}    await journal.record(candidate_id, appended.at)\n{_BEGIN}",
        CRASHES,
        also=(_STATEMENT,),
    ),
)
