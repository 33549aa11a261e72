"""Values that are not of their column's type: SQLite takes anything in any column, PostgreSQL nothing else.

For who must read what somebody else may have written, and would stumble over it.
"""

from sqlalchemy import BigInteger, LargeBinary
from sqlalchemy import Column as SqlColumn
from sqlmodel import SQLModel

from consent_service.storage.engine import Snapshot, Statement


class Types:
    """A table's columns, each with what SQLite calls the types of values that it may hold."""

    def __init__(self, table: type[SQLModel]) -> None:
        """Compile the statement."""
        self.name = str(table.__tablename__)
        misfits = " OR ".join(_misfit(column) for column in table.metadata.tables[self.name].columns)
        self._count = Statement(f"SELECT COUNT(*) FROM {self.name} WHERE {misfits}")  # noqa: S608  # names of ours

    async def misfits(self, view: Snapshot) -> int:
        """How many rows hold a value that its column can't."""
        return int(await view.value(self._count)) if view.dialect == "sqlite" else 0


def _misfit(column: "SqlColumn[object]") -> str:
    kind = {BigInteger: "integer", LargeBinary: "blob"}.get(type(column.type), "text")
    types = f"'{kind}', 'null'" if column.nullable else f"'{kind}'"
    return f"typeof({column.name}) NOT IN ({types})"
