"""What Alembic runs a revision in: the connection that ``app.migrate`` hands over, and every room's tables."""

from typing import Any, Literal

from alembic import context

from consent_service.app.migrations.tables import metadata


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """SQLModel's own string type is written as the database's, so that a revision stands without SQLModel."""
    return "sa.String()" if kind == "type" and type(item).__name__ == "AutoString" else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata(),
    compare_type=True,
    render_item=_render,
    transactional_ddl=True,
)
context.run_migrations()
