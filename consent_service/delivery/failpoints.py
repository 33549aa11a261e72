"""Where a test lets the worker's process die (``CONSENT_TEST_WORKER_DIES_AT``), so that it can be seen what follows.

The rule: dying is SIGKILL, as a machine that fails does it: nothing is said, written or closed any more. The settings
refuse it in production.
"""

import os
import signal
from collections.abc import Callable
from enum import StrEnum


class Failpoint(StrEnum):
    """An instant in a letter's attempt.

    A letter's outcome and the end of its lease are one commit: there is no instant between the two, and ``COMMITTED``
    is the first one after it.
    """

    CLAIMED = "claimed"  # leased, and nothing sent
    HALF_SENT = "half_sent"  # half of the body sent
    SENT = "sent"  # all of it sent, and no answer read
    ANSWERED = "answered"  # the answer read, and not committed
    COMMITTED = "committed"  # committed, and nobody told


Reached = Callable[[Failpoint], None]
"""Told at each of them."""


def lives_on(_: Failpoint) -> None:
    """Nothing happens, as everywhere but in those tests."""


def dying_at(chosen: Failpoint | None) -> Reached:
    """What ends the process at the failpoint ``chosen``, and nowhere if there is none."""

    def reached(failpoint: Failpoint) -> None:
        if failpoint is chosen:
            os.kill(os.getpid(), signal.SIGKILL)

    return lives_on if chosen is None else reached
