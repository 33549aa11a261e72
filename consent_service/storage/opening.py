"""From a URL to an open database."""

from consent_service.storage.engine import Database
from consent_service.storage.postgresql import open_postgresql
from consent_service.storage.sqlite import SQLite


async def open_database(url: str) -> Database:
    """Open ``sqlite:///path`` or ``postgresql://…``. Raises ValueError for another scheme."""
    if url.startswith("sqlite:///"):
        return SQLite(url.removeprefix("sqlite:///"))
    if url.startswith(("postgresql://", "postgres://")):
        return await open_postgresql(url)
    raise ValueError("a database URL starts with sqlite:/// or postgresql://")
