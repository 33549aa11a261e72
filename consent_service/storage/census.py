"""Counting what lies in columns of bytes by how it begins, whatever room a column belongs to."""

from collections.abc import Sequence

from consent_service.storage.engine import Snapshot, Statement


class Column:
    """A column of bytes, by the names of the table and itself: constants of ours."""

    def __init__(self, table: str, column: str) -> None:
        """Compile the statement."""
        self.name = f"{table}.{column}"
        self._count = Statement(
            f"SELECT substr({column}, 1, :length) AS head, COUNT(*) AS many FROM {table}"  # noqa: S608  # see above
            f" WHERE {column} IS NOT NULL GROUP BY substr({column}, 1, :length)"
        )

    async def heads(self, view: Snapshot, length: int) -> dict[bytes, int]:
        """How many values begin with which ``length`` bytes; under none, those of another type, which SQLite takes."""
        counted: dict[bytes, int] = {}
        for row in await view.rows(self._count, length=length):
            head = row["head"] if isinstance(row["head"], bytes) else b""
            counted[head] = counted.get(head, 0) + row["many"]
        return counted


async def count_heads(view: Snapshot, columns: Sequence[Column], length: int) -> dict[str, dict[bytes, int]]:
    """The same for each of ``columns``, by its name."""
    return {column.name: await column.heads(view, length) for column in columns}
