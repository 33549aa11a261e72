"""What the units' routes may use, and who is calling them.

Rule: privilege is structure. This door has no key of a candidate's and reaches nothing that opens for an owner;
content comes from the gate alone.
"""

import base64
from dataclasses import dataclass, field

from fastapi import Request

from consent_service.audit.nav_log import NavLog
from consent_service.clock import Clock, local_date
from consent_service.consents.desk import Desk
from consent_service.consents.gate import Gate
from consent_service.errors import Invalid, Violation
from consent_service.identity.callers import Scope, UnitActor, UnitCaller, client_of, unit_caller
from consent_service.identity.employee import Acting, acting_employee
from consent_service.identity.rates import Rate
from consent_service.identity.tokens import BearerTokens
from consent_service.identity.units import Client, Unit
from consent_service.persons.numbers import NationalId, NumberRule
from consent_service.storage.engine import Database
from consent_service.storage.joint import Joint
from consent_service.vault.keys import Keys

CHECKPOINT = "Audit-Checkpoint"


@dataclass(frozen=True)
class UnitDoor:
    """Given to every units' route.

    ``units`` and ``checkpoints`` (the newest signed head of the log) are asked for in nearly every call.
    ``claim_page`` is the public address where a pick-up code is entered.
    """

    db: Database
    clock: Clock
    keys: Keys = field(repr=False)
    tokens: BearerTokens
    units: Joint[Client, Unit]
    checkpoints: Joint[None, str]
    scope_prefix: str
    desk: Desk = field(repr=False)
    gate: Gate
    numbers: NumberRule
    claim_page: str
    waiting: int
    """How long what is left for a person who has not come waits, in microseconds."""
    rate: Rate | None
    """How often a unit may call, and search by identity number; None for no limit."""
    search_rate: Rate | None
    nav_log: NavLog | None
    """NAV's audit log, if there is one."""
    printed_organisation: str
    """Whose letters may go on paper; empty for nobody's."""

    def calling(self, scope: Scope | None) -> "Calling":
        """The dependency that finds the caller, who must hold ``scope`` (None: any registered unit)."""
        return Calling(self, scope)

    def acting(self, scope: Scope) -> "ActingCall":
        """The same for a call about a person: the caller, and who acts."""
        return ActingCall(self.calling(scope))

    def national_id(self, text: str) -> NationalId:
        """The identity number in a body's ``national_id``. Raises Invalid, without repeating it."""
        number = self.numbers.admit(text, on=local_date(self.clock.now()))
        if not isinstance(number, NationalId):
            raise Invalid(violations=(Violation("/national_id", str(number)),))
        return number


@dataclass(frozen=True)
class Calling:
    """Finds the calling unit. Raises Unauthenticated, Forbidden, InsufficientScope, TooManyRequests."""

    door: UnitDoor = field(repr=False)
    scope: Scope | None

    async def __call__(self, request: Request) -> UnitCaller:
        """FastAPI's dependency: before the body is looked at."""
        token = await self.door.tokens.unit(request.headers.getlist("authorization"))
        unit = await self.door.units.of(client_of(token))
        caller = unit_caller(unit, token, prefix=self.door.scope_prefix)
        if self.scope is not None:
            caller.demand(self.scope)
        if self.door.rate is not None:
            await self.door.rate.spend(caller.unit.id)
        return caller


@dataclass(frozen=True)
class ActingCall:
    """Finds the calling unit and who acts. Raises as ``Calling`` does, and ActingEmployeeRequired.

    What a call about a person does, asks for or sends is looked at after that.
    """

    calling: Calling = field(repr=False)

    async def __call__(self, request: Request) -> UnitActor:
        """FastAPI's dependency: before the body is looked at."""
        caller = await self.calling(request)
        employee = acting_employee(request.headers.getlist("acting-employee"))
        return UnitActor(caller.unit, Acting(employee, caller.supplier))


def checkpoint_header(note: str | None) -> dict[str, str]:
    """A signed head of the log (C2SP note), for the units to hold against the next, in base64."""
    return {} if note is None else {CHECKPOINT: base64.b64encode(note.encode()).decode("ascii")}
