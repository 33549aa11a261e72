"""Answers kept under the keys of calls that create something."""

from sqlalchemy import BigInteger, Column, LargeBinary
from sqlmodel import Field, SQLModel

from consent_service.storage.engine import Snapshot, Statement, Transaction


class KeptAnswer(SQLModel, table=True):
    """A call that was carried out. ``scope_mac`` is unit, route and key under a MAC; ``sealed`` its request and answer.

    ``sealed`` is NULL only inside the transaction that carries the call out.
    """

    __tablename__ = "kept_answer"

    scope_mac: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    kept_at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))


_BEGIN = Statement(
    "INSERT INTO kept_answer (scope_mac, sealed, kept_at) VALUES (:scope_mac, NULL, :at)"
    " ON CONFLICT (scope_mac) DO NOTHING"
)
_FIND = Statement("SELECT sealed FROM kept_answer WHERE scope_mac = :scope_mac")
_KEEP = Statement("UPDATE kept_answer SET sealed = :sealed WHERE scope_mac = :scope_mac")
_LAPSE = Statement("DELETE FROM kept_answer WHERE kept_at < :before")


async def begin(tx: Transaction, scope_mac: bytes, at: int) -> bool:
    """Whether this is the first use of the scope. A second one waits here for the first to commit or fail."""
    return await tx.run(_BEGIN, scope_mac=scope_mac, at=at) == 1


async def find(view: Snapshot, scope_mac: bytes) -> bytes | None:
    """The sealed answer under the scope."""
    sealed = await view.value(_FIND, scope_mac=scope_mac)
    return None if sealed is None else bytes(sealed)


async def keep(tx: Transaction, scope_mac: bytes, sealed: bytes) -> None:
    """Keep the answer, in the transaction that made it true."""
    await tx.run(_KEEP, scope_mac=scope_mac, sealed=sealed)


async def lapse(tx: Transaction, before: int) -> int:
    """Forget what was kept before ``before``; how many."""
    return await tx.run(_LAPSE, before=before)
