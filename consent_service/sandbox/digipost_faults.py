"""What the local Digipost is told to do wrong, so that its users can see what they do about it.

Each order names a kind, the calls it is for, and how many times it holds. Orders hold in the order given.
"""

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """A way to go wrong."""

    SLOW = "slow"  # waits before it begins
    SLOW_ANSWER = "slow_answer"  # does its work, then waits before it answers
    ERROR_BEFORE = "error_before"  # 500, nothing done
    ERROR_AFTER = "error_after"  # 500, though all was done
    UNAVAILABLE = "unavailable"  # 503, nothing done
    TOO_MANY = "too_many"  # 429 with Retry-After, nothing done
    DROP_BEFORE = "drop_before"  # breaks the connection, nothing done
    DROP_AFTER = "drop_after"  # breaks the connection, though all was done
    WRONG_SIGNATURE = "wrong_signature"  # does its work, and signs something else
    HELD_BACK = "held_back"  # takes the letter, and delivers it later


class Calls(StrEnum):
    """The calls that an order is for."""

    ALL = "all"
    ENTRY_POINT = "entry_point"
    EVENTS = "events"
    MESSAGES = "messages"
    OTHERS = "others"
    STATUS = "status"


@dataclass
class Order:
    """One fault, for some calls, some times; ``seconds`` is how long, where that means something."""

    kind: Fault
    calls: Calls = Calls.MESSAGES
    times: int = 1
    seconds: float = 1.0


class Switchboard:
    """The orders that still hold."""

    def __init__(self) -> None:
        """No faults."""
        self.orders: list[Order] = []

    def add(self, order: Order) -> None:
        """Let ``order`` hold after those before it."""
        self.orders.append(order)

    def clear(self) -> None:
        """No more faults."""
        self.orders.clear()

    def take(self, calls: Calls) -> Order | None:
        """The fault that this call shall have, used up by it."""
        for order in self.orders:
            if order.calls in {calls, Calls.ALL}:
                order.times -= 1
                if order.times <= 0:
                    self.orders.remove(order)
                return order
        return None
