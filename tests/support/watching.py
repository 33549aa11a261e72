"""A database that remembers what was asked of it, in order: for rules about statements, and for what a call costs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from consent_service.storage.engine import Database, Dialect, Row, Rows, Snapshot, Statement, Transaction


@dataclass(frozen=True)
class Asked:
    """One statement, as PostgreSQL takes it, and what it was given."""

    text: str
    given: str
    rows: int = 1
    """How often it was run."""

    @property
    def locks(self) -> bool:
        """Whether it locks chain heads."""
        return "FROM chain " in self.text and "FOR UPDATE" in self.text

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return not self.text.startswith("SELECT")


@dataclass
class Unit:
    """A transaction or a snapshot that was had."""

    kind: str
    asked: list[Asked] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """Its statements, in order."""
        return [one.text for one in self.asked]


class _View:
    """A transaction that is watched."""

    def __init__(self, tx: Any, unit: Unit) -> None:
        self._tx = tx
        self._unit = unit

    @property
    def dialect(self) -> Dialect:
        dialect: Dialect = self._tx.dialect
        return dialect

    def _note(self, statement: Statement, given: object, rows: int = 1) -> None:
        self._unit.asked.append(
            Asked(statement.text("postgresql"), json.dumps(given, default=repr, sort_keys=True), rows)
        )

    async def rows(self, statement: Statement, /, **given: Any) -> list[Row]:
        self._note(statement, given)
        found: list[Row] = await self._tx.rows(statement, **given)
        return found

    async def row(self, statement: Statement, /, **given: Any) -> Row | None:
        self._note(statement, given)
        found: Row | None = await self._tx.row(statement, **given)
        return found

    async def value(self, statement: Statement, /, **given: Any) -> Any:
        self._note(statement, given)
        return await self._tx.value(statement, **given)

    async def run(self, statement: Statement, /, **given: Any) -> int:
        self._note(statement, given)
        touched: int = await self._tx.run(statement, **given)
        return touched

    async def run_many(self, statement: Statement, given: Iterable[Mapping[str, Any]], /) -> None:
        every = list(given)
        self._note(statement, every, len(every))
        await self._tx.run_many(statement, every)

    async def run_rows(self, statement: Rows, given: Sequence[Mapping[str, Any]], /) -> int:
        self._note(statement, list(given), len(given))
        touched: int = await self._tx.run_rows(statement, given)
        return touched

    async def run_each(self, *writes: tuple[Rows, Sequence[Mapping[str, Any]]]) -> None:
        for statement, given in writes:
            self._note(statement, list(given), len(given))
        await self._tx.run_each(*writes)

    def scrub_after_commit(self) -> None:
        self._tx.scrub_after_commit()


class Watched:
    """``db``, and every transaction and snapshot that was had of it since ``units`` was last emptied."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.units: list[Unit] = []

    @property
    def dialect(self) -> Dialect:
        return self._db.dialect

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        unit = Unit("transaction")
        async with self._db.transaction() as tx:
            self.units.append(unit)
            yield _View(tx, unit)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        unit = Unit("snapshot")
        async with self._db.snapshot() as view:
            self.units.append(unit)
            yield _View(view, unit)

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[Snapshot]:
        unit = Unit("glance")
        async with self._db.glance() as view:
            self.units.append(unit)
            yield _View(view, unit)

    async def close(self) -> None:
        await self._db.close()
