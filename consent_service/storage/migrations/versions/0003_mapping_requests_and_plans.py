"""Mapping requests, messages about them, and plans."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go from the revision before to this one."""
    op.create_table(
        "mapping_message",
        sa.Column("mapping_request_id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mapping_request_id", "number"),
    )
    op.create_index(op.f("ix_mapping_message_candidate_id"), "mapping_message", ["candidate_id"], unique=False)
    op.create_table(
        "mapping_request",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=True),
        sa.Column("consent_id", sa.String(), nullable=False),
        sa.Column("requester_id", sa.String(), nullable=True),
        sa.Column("recipient_id", sa.String(), nullable=False),
        sa.Column("progress", sa.String(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("reply_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("consent_id"),
    )
    op.create_index("mapping_request_candidate", "mapping_request", ["candidate_id", "id"], unique=False)
    op.create_index("mapping_request_recipient", "mapping_request", ["recipient_id", "id"], unique=False)
    op.create_index("mapping_request_requester", "mapping_request", ["requester_id", "id"], unique=False)
    op.create_table(
        "plan",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=False),
        sa.Column("mapping_request_id", sa.String(), nullable=False),
        sa.Column("consent_id", sa.String(), nullable=False),
        sa.Column("unit_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", "version"),
    )
    op.create_index(op.f("ix_plan_candidate_id"), "plan", ["candidate_id"], unique=False)
    op.create_index("plan_request", "plan", ["mapping_request_id", "version"], unique=True)


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("plan_request", table_name="plan")
    op.drop_index(op.f("ix_plan_candidate_id"), table_name="plan")
    op.drop_table("plan")
    op.drop_index("mapping_request_requester", table_name="mapping_request")
    op.drop_index("mapping_request_recipient", table_name="mapping_request")
    op.drop_index("mapping_request_candidate", table_name="mapping_request")
    op.drop_table("mapping_request")
    op.drop_index(op.f("ix_mapping_message_candidate_id"), table_name="mapping_message")
    op.drop_table("mapping_message")
