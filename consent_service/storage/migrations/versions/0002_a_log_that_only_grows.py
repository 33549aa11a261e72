"""The log's tables only grow: what the database itself refuses.

On PostgreSQL by privileges. Whoever migrates owns the tables; the role ``consent_service`` is made here, and a login
that the service runs as is made its member: ``CREATE ROLE web LOGIN PASSWORD '…' IN ROLE consent_service``. It may do
in every table what the service does, and in the log's only read and add. On SQLite, where whoever has the file has
everything, triggers refuse the same: they stop a mistake of ours, not somebody else.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ONLY_GROW = ("entry", "leaf", "node", "checkpoint")
ROLE = "consent_service"

# A cluster has its roles once for all its databases, so two that are migrated at once may both make it.
_MAKE_ROLE = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
        CREATE ROLE {ROLE} NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'This login may not make roles. Let an administrator run: CREATE ROLE {ROLE} NOLOGIN';
END $$
"""


def upgrade() -> None:
    """Go from the revision before to this one."""
    if op.get_bind().dialect.name == "sqlite":
        for table in ONLY_GROW:
            for verb in ("UPDATE", "DELETE"):
                _run(
                    f"CREATE TRIGGER {table}_refuses_{verb.lower()} BEFORE {verb} ON {table}"
                    f" BEGIN SELECT RAISE(ABORT, '{table} only grows'); END"
                )
        return
    _run(_MAKE_ROLE)
    schema = _schema()
    _run(f"GRANT USAGE ON SCHEMA {schema} TO {ROLE}")
    _run(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {ROLE}")
    _run(f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {ROLE}")
    _run(f"REVOKE UPDATE, DELETE ON {', '.join(ONLY_GROW)} FROM {ROLE}")
    _run(f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {ROLE}")


def downgrade() -> None:
    """Go back to the revision before. The role stays: other databases of the cluster may use it."""
    if op.get_bind().dialect.name == "sqlite":
        for table in ONLY_GROW:
            for verb in ("update", "delete"):
                _run(f"DROP TRIGGER {table}_refuses_{verb}")
        return
    schema = _schema()
    _run(f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} REVOKE ALL ON TABLES FROM {ROLE}")
    _run(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {ROLE}")
    _run(f"REVOKE USAGE ON SCHEMA {schema} FROM {ROLE}")


def _run(statement: str) -> None:
    op.execute(sa.text(statement.replace(":", "\\:")))


def _schema() -> str:
    schema: str = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    return schema
