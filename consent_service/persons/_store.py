"""Tables and statements of this room: candidates, the keyed hashes that find them, and what waits for people."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Column, LargeBinary
from sqlmodel import Field, SQLModel

from consent_service.audit.log import beside
from consent_service.storage.engine import Row, Snapshot, Statement, Transaction


class Candidate(SQLModel, table=True):
    """A data subject. Which version of her ``person`` part says who she is stands in the log (``audit.heads``)."""

    __tablename__ = "candidate"

    id: str = Field(primary_key=True)
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    named: int = Field(sa_column=Column(BigInteger, nullable=False))


class PersonNumber(SQLModel, table=True):
    """One identity number of a candidate, as its keyed hash. A D-number can get a fødselsnummer beside it.

    ``mac`` covers whose it is (``lookup.find``).
    """

    __tablename__ = "person_number"

    lookup: str = Field(primary_key=True)
    candidate_id: str = Field(foreign_key="candidate.id", index=True)
    mac: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    added_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class NumberProposal(SQLModel, table=True):
    """A number that one operator says is a candidate's too, until another one says so (``proposals``).

    ``commitment`` says which numbers without holding them; ``mac`` covers every other column.
    """

    __tablename__ = "number_proposal"

    id: str = Field(primary_key=True)
    candidate_id: str = Field(foreign_key="candidate.id", index=True)
    commitment: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    proposed_by: str
    proposed_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    lapses_at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    mac: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class NumberProof(SQLModel, table=True):
    """A number that a session has been shown to be hers, until another login shows a second one (``proofs``)."""

    __tablename__ = "number_proof"

    session_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    lookup: str = Field(index=True)
    sealed: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    whole: int = Field(sa_column=Column(BigInteger, nullable=False))
    lapses_at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))


class WaitingItem(SQLModel, table=True):
    """What a unit left for a person, known or unknown alike: so it names a keyed hash, never a candidate."""

    __tablename__ = "waiting_item"

    id: str = Field(primary_key=True)
    lookup: str = Field(index=True)
    kind: str
    payload: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    from_unit: str
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    lapses_at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))


_HEAD, _BESIDE = beside("p.id")
_ADD_CANDIDATE = Statement("INSERT INTO candidate (id, created_at, named) VALUES (:id, :created_at, 0)")
_CANDIDATES = Statement(f"SELECT p.id, p.named, {_HEAD} FROM candidate p {_BESIDE} WHERE p.id IN (:ids[])")
_SET_NAMED = Statement("UPDATE candidate SET named = 1 WHERE id = :id")
_DELETE_CANDIDATE = Statement("DELETE FROM candidate WHERE id = :id")

_NUMBER = (
    "INSERT INTO person_number (lookup, candidate_id, mac, added_at) VALUES (:lookup, :candidate_id, :mac, :added_at)"
)
_ADD_NUMBER = Statement(_NUMBER)
_LINK_NUMBER = Statement(f"{_NUMBER} ON CONFLICT (lookup) DO NOTHING")
_UNDER = Statement("SELECT lookup, candidate_id, mac FROM person_number WHERE lookup IN (:lookups[])")
_LOOKUPS_OF = Statement("SELECT lookup FROM person_number WHERE candidate_id = :candidate_id ORDER BY lookup")
_DELETE_NUMBERS = Statement("DELETE FROM person_number WHERE candidate_id = :candidate_id")

_PROPOSAL = "id, candidate_id, commitment, proposed_by, proposed_at, lapses_at, mac"
_ADD_PROPOSAL = Statement(
    f"INSERT INTO number_proposal ({_PROPOSAL})"
    " VALUES (:id, :candidate_id, :commitment, :proposed_by, :proposed_at, :lapses_at, :mac)"
)
_FIND_PROPOSAL = Statement(f"SELECT {_PROPOSAL} FROM number_proposal WHERE id = :id")
_PROPOSALS = Statement(
    f"SELECT {_PROPOSAL} FROM number_proposal WHERE :candidate_id IN ('', candidate_id) ORDER BY proposed_at, id"
)
_DELETE_PROPOSAL = Statement("DELETE FROM number_proposal WHERE id = :id AND mac = :mac")
_DELETE_PROPOSALS = Statement("DELETE FROM number_proposal WHERE candidate_id = :candidate_id")
_LAPSE_PROPOSALS = Statement("DELETE FROM number_proposal WHERE lapses_at <= :now")

_PROOF = "session_hash, lookup, sealed, whole, lapses_at"
_ADD_PROOF = Statement(
    f"INSERT INTO number_proof ({_PROOF}) VALUES (:session_hash, :lookup, :sealed, :whole, :lapses_at)"
)
_FIND_PROOF = Statement(f"SELECT {_PROOF} FROM number_proof WHERE session_hash = :session_hash")
_TAKE_PROOF = Statement(f"DELETE FROM number_proof WHERE session_hash = :session_hash RETURNING {_PROOF}")
_DELETE_PROOFS = Statement("DELETE FROM number_proof WHERE lookup IN (:lookups[])")
_LAPSE_PROOFS = Statement("DELETE FROM number_proof WHERE lapses_at <= :now")

_IDS = Statement("SELECT id FROM candidate WHERE id > :after ORDER BY id LIMIT :limit")
_MOVE_NUMBER = Statement(
    "UPDATE person_number SET lookup = :after, mac = :mac WHERE lookup = :before AND candidate_id = :candidate_id"
)
_ITEMS = Statement("SELECT id, lookup, kind, payload FROM waiting_item WHERE id > :after ORDER BY id LIMIT :limit")
_MOVE_ITEM = Statement(
    "UPDATE waiting_item SET lookup = :after, payload = :payload WHERE id = :id AND lookup = :before"
)
_PEOPLE_AND_ITEMS = Statement("SELECT (SELECT COUNT(*) FROM candidate) + (SELECT COUNT(*) FROM waiting_item)")

_LEAVE = Statement(
    "INSERT INTO waiting_item (id, lookup, kind, payload, from_unit, created_at, lapses_at)"
    " VALUES (:id, :lookup, :kind, :payload, :from_unit, :created_at, :lapses_at)"
)
_WAITS = Statement("SELECT 1 FROM waiting_item WHERE lookup IN (:lookups[]) AND lapses_at > :now LIMIT 1")
_LYING = Statement(
    "SELECT id, lookup, kind, payload, from_unit, created_at, lapses_at FROM waiting_item"
    " WHERE lookup IN (:lookups[]) ORDER BY created_at, id {for_update}"
)
_TAKE = Statement("DELETE FROM waiting_item WHERE id = :id")
_WITHDRAW = Statement("DELETE FROM waiting_item WHERE id = :id AND from_unit = :from_unit")
_LAPSE = Statement("DELETE FROM waiting_item WHERE lapses_at <= :now")
_DISCARD = Statement("DELETE FROM waiting_item WHERE lookup IN (:lookups[])")


async def add_candidate(tx: Transaction, candidate_id: str, lookup: str, mac: bytes, at: int) -> None:
    """A new candidate, without a name yet. Raises Duplicate if the number is somebody's already."""
    await tx.run(_ADD_CANDIDATE, id=candidate_id, created_at=at)
    await tx.run(_ADD_NUMBER, lookup=lookup, candidate_id=candidate_id, mac=mac, added_at=at)


async def candidates(view: Snapshot, candidate_ids: Sequence[str]) -> list[Row]:
    """``id`` and ``named`` (0 or 1) of the candidates that there are, each beside the head of her chain."""
    return await view.rows(_CANDIDATES, ids=candidate_ids)


async def set_named(tx: Transaction, candidate_id: str) -> None:
    """Say that she has said her name."""
    await tx.run(_SET_NAMED, id=candidate_id)


async def add_number(tx: Transaction, candidate_id: str, lookup: str, mac: bytes, at: int) -> bool:
    """Another number of a candidate's, unless it is somebody's already; whether it was nobody's."""
    return await tx.run(_LINK_NUMBER, lookup=lookup, candidate_id=candidate_id, mac=mac, added_at=at) > 0


async def delete_candidate(tx: Transaction, candidate_id: str) -> None:
    """Remove the candidate, the hashes that find her, and what was shown or proposed about them."""
    await tx.run(_DELETE_PROOFS, lookups=await lookups_of(tx, candidate_id))
    await tx.run(_DELETE_PROPOSALS, candidate_id=candidate_id)
    await tx.run(_DELETE_NUMBERS, candidate_id=candidate_id)
    await tx.run(_DELETE_CANDIDATE, id=candidate_id)


async def under(view: Snapshot, lookups: Sequence[str]) -> dict[str, Row]:
    """``candidate_id`` and ``mac`` of those of these numbers that are somebody's, by lookup."""
    return {row["lookup"]: row for row in await view.rows(_UNDER, lookups=lookups)}


async def lookups_of(view: Snapshot, candidate_id: str) -> list[str]:
    """The keyed hashes of all her numbers."""
    return [row["lookup"] for row in await view.rows(_LOOKUPS_OF, candidate_id=candidate_id)]


async def add_proposal(tx: Transaction, proposal: Row) -> None:
    """Lay down a proposal, every column of it."""
    await tx.run(_ADD_PROPOSAL, **proposal)


async def find_proposal(view: Snapshot, proposal_id: str) -> Row | None:
    """Every column of a proposal."""
    return await view.row(_FIND_PROPOSAL, id=proposal_id)


async def proposals(view: Snapshot, candidate_id: str | None) -> list[Row]:
    """Every column of the proposals about a candidate, or of all, oldest first."""
    return await view.rows(_PROPOSALS, candidate_id=candidate_id or "")


async def delete_proposal(tx: Transaction, proposal_id: str, mac: bytes) -> bool:
    """Remove a proposal that is still as it was read; whether it was."""
    return await tx.run(_DELETE_PROPOSAL, id=proposal_id, mac=mac) > 0


async def add_proof(tx: Transaction, proof: Row) -> None:
    """Lay down what a session has shown, every column of it."""
    await tx.run(_ADD_PROOF, **proof)


async def find_proof(view: Snapshot, session_hash: bytes) -> Row | None:
    """Every column of what a session has shown."""
    return await view.row(_FIND_PROOF, session_hash=session_hash)


async def take_proof(tx: Transaction, session_hash: bytes) -> Row | None:
    """Remove and answer what a session has shown: one statement, so that one caller gets it."""
    return await tx.row(_TAKE_PROOF, session_hash=session_hash)


async def delete_lapsed(tx: Transaction, now: int) -> int:
    """Remove proposals and proofs whose time is out; how many."""
    return await tx.run(_LAPSE_PROPOSALS, now=now) + await tx.run(_LAPSE_PROOFS, now=now)


async def add_item(
    tx: Transaction,
    *,
    item_id: str,
    lookup: str,
    kind: str,
    payload: bytes,
    from_unit: str,
    created_at: int,
    lapses_at: int,
) -> None:
    """Lay down a sealed item."""
    await tx.run(
        _LEAVE,
        id=item_id,
        lookup=lookup,
        kind=kind,
        payload=payload,
        from_unit=from_unit,
        created_at=created_at,
        lapses_at=lapses_at,
    )


async def has_items(view: Snapshot, lookups: Sequence[str], now: int) -> bool:
    """Whether anything waits that has not lapsed."""
    return await view.value(_WAITS, lookups=list(lookups), now=now) is not None


async def lock_items(tx: Transaction, lookups: Sequence[str]) -> list[Row]:
    """All items of these numbers, locked, so that no two callers hand out the same."""
    return await tx.rows(_LYING, lookups=list(lookups))


async def delete_item(tx: Transaction, item_id: str) -> None:
    """Remove one item."""
    await tx.run(_TAKE, id=item_id)


async def withdraw_item(tx: Transaction, item_id: str, from_unit: str) -> bool:
    """Remove an item if it is still there and this unit's."""
    return await tx.run(_WITHDRAW, id=item_id, from_unit=from_unit) > 0


async def delete_lapsed_items(tx: Transaction, now: int) -> int:
    """Remove what has waited too long."""
    return await tx.run(_LAPSE, now=now)


async def delete_items(tx: Transaction, lookups: Sequence[str]) -> None:
    """Remove everything that waits for these numbers, unread."""
    await tx.run(_DISCARD, lookups=list(lookups))


async def candidate_ids(view: Snapshot, *, after: str, limit: int) -> list[str]:
    """Candidates in id order after ``after``."""
    return [row["id"] for row in await view.rows(_IDS, after=after, limit=limit)]


async def move_number(tx: Transaction, candidate_id: str, before: str, after: str, mac: bytes) -> bool:
    """Put a number of the candidate's under another hash, if it lies under ``before``; whether it did."""
    return await tx.run(_MOVE_NUMBER, candidate_id=candidate_id, before=before, after=after, mac=mac) > 0


async def items(view: Snapshot, *, after: str, limit: int) -> list[Row]:
    """(id, lookup, kind, payload) of what waits, in id order after ``after``."""
    return await view.rows(_ITEMS, after=after, limit=limit)


async def move_item(tx: Transaction, item_id: str, before: str, after: str, payload: bytes) -> bool:
    """Put an item under another hash, if it lies under ``before``; whether it did."""
    return await tx.run(_MOVE_ITEM, id=item_id, before=before, after=after, payload=payload) > 0


async def people_and_items(view: Snapshot) -> int:
    """How many candidates and waiting items there are."""
    return int(await view.value(_PEOPLE_AND_ITEMS))
