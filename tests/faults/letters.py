"""Letters: sent anew though nobody is to get them, cancelled though they may be out."""

from __future__ import annotations

from tests.faults.fault import in_room

SUPERSEDING = "tests/delivery/test_superseding.py"
WORKER = "tests/delivery/test_worker.py"

FAULTS = (
    in_room(
        "delivery/attempt",
        "an older version in doubt is sent anew",
        "        if attempt.superseded:",
        "        if attempt is None:",
        SUPERSEDING,
    ),
    in_room(
        "delivery/letters",
        "an older version that may be out is said to be cancelled",
        "older.doubt_until is not None or Status(older.status) in FINAL",
        "Status(older.status) in FINAL",
        SUPERSEDING,
    ),
    in_room(
        "delivery/_store",
        "a claim leaves no doubt: what a dead worker sent is cancelled after a revoke",
        '    " doubt_until = :doubt_until, attempts = attempts + 1, fence = fence + 1 WHERE id IN (:ids[])"',
        '    " attempts = attempts + 1, fence = fence + 1 WHERE id IN (:ids[])"',
        WORKER,
    ),
    in_room(
        "delivery/outbox",
        "a letter that nobody answers for is asked about for ever, though its consent was revoked",
        "        return state not in {one.value for one in LIVING | LETTERS_GO_ON}",
        "        return state is None",
        WORKER,
    ),
)
