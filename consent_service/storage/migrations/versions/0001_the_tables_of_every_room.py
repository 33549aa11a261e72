"""The tables of every room."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:  # noqa: PLR0915  # one table after another
    """Go from the revision before to this one."""
    op.create_table(
        "candidate",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("named", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "candidate_key",
        sa.Column("candidate_id", sa.String(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("candidate_id"),
    )
    op.create_table(
        "chain",
        sa.Column("chain_id", sa.String(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("closed", sa.BigInteger(), nullable=False),
        sa.Column("closing", sa.LargeBinary(), nullable=True),
        sa.Column("steps", sa.String(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id"),
    )
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("size"),
    )
    op.create_table(
        "claim_try",
        sa.Column("lookup", sa.String(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lookup"),
    )
    op.create_index(op.f("ix_claim_try_since_at"), "claim_try", ["since_at"], unique=False)
    op.create_table(
        "consent",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=True),
        sa.Column("recipient_id", sa.String(), nullable=False),
        sa.Column("requester_id", sa.String(), nullable=True),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("purpose_version", sa.BigInteger(), nullable=False),
        sa.Column("requested_kinds", sa.String(), nullable=False),
        sa.Column("mapping_request_id", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_position", sa.BigInteger(), nullable=False),
        sa.Column("row_mac", sa.LargeBinary(), nullable=False),
        sa.Column("terms", sa.LargeBinary(), nullable=False),
        sa.Column("terms_mac", sa.LargeBinary(), nullable=False),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=True),
        sa.Column("reply_by", sa.BigInteger(), nullable=True),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("granted_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("exhausted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("consent_candidate", "consent", ["candidate_id", "id"], unique=False)
    op.create_index("consent_recipient", "consent", ["recipient_id", "id"], unique=False)
    op.create_index("consent_reply", "consent", ["state", "reply_by"], unique=False)
    op.create_index("consent_requester", "consent", ["requester_id", "id"], unique=False)
    op.create_index("consent_until", "consent", ["state", "valid_until"], unique=False)
    op.create_table(
        "entry",
        sa.Column("chain_id", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("consent_id", sa.String(), nullable=True),
        sa.Column("changes_state", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("changes_state IN (0, 1)", name="entry_changes_state"),
        sa.PrimaryKeyConstraint("chain_id", "position"),
    )
    op.create_index("entry_consent", "entry", ["consent_id", "position"], unique=False)
    op.create_index(
        "entry_state",
        "entry",
        ["consent_id", "position"],
        unique=False,
        sqlite_where=sa.text("changes_state <> 0"),
        postgresql_where=sa.text("changes_state <> 0"),
    )
    op.create_table(
        "entry_detail",
        sa.Column("chain_id", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "position"),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("unit_id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("consent_id", sa.String(), nullable=True),
        sa.Column("mapping_request_id", sa.String(), nullable=True),
        sa.Column("plan_id", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("event_number", "event", ["unit_id", "number"], unique=True)
    op.create_index(
        "event_unnumbered",
        "event",
        ["at", "id"],
        unique=False,
        sqlite_where=sa.text("number IS NULL"),
        postgresql_where=sa.text("number IS NULL"),
    )
    op.create_table(
        "feed",
        sa.Column("unit_id", sa.String(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("dropped", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("unit_id"),
    )
    op.create_table(
        "kept_answer",
        sa.Column("scope_mac", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope_mac"),
    )
    op.create_index(op.f("ix_kept_answer_kept_at"), "kept_answer", ["kept_at"], unique=False)
    op.create_table(
        "leaf",
        sa.Column("leaf_index", sa.BigInteger(), nullable=False),
        sa.Column("chain_id", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("leaf_index"),
    )
    op.create_index("leaf_entry", "leaf", ["chain_id", "position"], unique=True)
    op.create_table(
        "lease",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "letter",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=False),
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("plan_version", sa.BigInteger(), nullable=False),
        sa.Column("consent_id", sa.String(), nullable=False),
        sa.Column("unit_id", sa.String(), nullable=False),
        sa.Column("sender_organisation", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("document_uuid", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("printable", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=True),
        sa.Column("doubt_until", sa.BigInteger(), nullable=True),
        sa.Column("sent_as", sa.String(), nullable=True),
        sa.Column("leased_by", sa.String(), nullable=True),
        sa.Column("leased_until", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("superseded", sa.BigInteger(), nullable=False),
        sa.Column("shares_held", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("document_uuid"),
        sa.UniqueConstraint("message_id"),
    )
    op.create_index("letter_candidate", "letter", ["candidate_id", "id"], unique=False)
    op.create_index("letter_consent", "letter", ["consent_id", "id"], unique=False)
    op.create_index(
        "letter_due",
        "letter",
        ["next_attempt_at", "id"],
        unique=False,
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_index("letter_plan", "letter", ["plan_id", "plan_version"], unique=False)
    op.create_index("letter_standing", "letter", ["status", "id"], unique=False)
    op.create_index(
        "letter_to_herself",
        "letter",
        ["consent_id"],
        unique=False,
        sqlite_where=sa.text("unit_id = 'mailbox' AND shares_held = 1"),
        postgresql_where=sa.text("unit_id = 'mailbox' AND shares_held = 1"),
    )
    op.create_table(
        "login_attempt",
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.String(), nullable=False),
        sa.Column("code_verifier", sa.String(), nullable=False),
        sa.Column("return_to", sa.String(), nullable=False),
        sa.Column("anew", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("state_hash"),
    )
    op.create_index(op.f("ix_login_attempt_begun_at"), "login_attempt", ["begun_at"], unique=False)
    op.create_table(
        "logout_token",
        sa.Column("jti_hash", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("jti_hash"),
    )
    op.create_index(op.f("ix_logout_token_until"), "logout_token", ["until"], unique=False)
    op.create_table(
        "mailbox_heard",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
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
        sa.Column("questions", sa.String(), nullable=False),
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
        "master_floor",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "node",
        sa.Column("level", sa.BigInteger(), nullable=False),
        sa.Column("node_index", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "node_index"),
    )
    op.create_table(
        "note",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_note_candidate_id"), "note", ["candidate_id"], unique=False)
    op.create_table(
        "note_draft",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("unit_id", sa.String(), nullable=False),
        sa.Column("handed_over_at", sa.BigInteger(), nullable=False),
        sa.Column("lapses_at", sa.BigInteger(), nullable=False),
        sa.Column("locator", sa.String(), nullable=True),
        sa.Column("service_half", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("wrong_tries", sa.BigInteger(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("locator"),
    )
    op.create_index(op.f("ix_note_draft_candidate_id"), "note_draft", ["candidate_id"], unique=False)
    op.create_index(op.f("ix_note_draft_lapses_at"), "note_draft", ["lapses_at"], unique=False)
    op.create_table(
        "part",
        sa.Column("candidate_id", sa.String(), nullable=False),
        sa.Column("resource", sa.String(), nullable=False),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("held_for", sa.String(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("candidate_id", "resource", "resource_id", "version", "part"),
        postgresql_with={"toast_tuple_target": 8160},
    )
    op.create_table(
        "pending_leaf",
        sa.Column("chain_id", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "position"),
    )
    op.create_table(
        "plan",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=False),
        sa.Column("mapping_request_id", sa.String(), nullable=False),
        sa.Column("consent_id", sa.String(), nullable=False),
        sa.Column("unit_id", sa.String(), nullable=False),
        sa.Column("correction", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", "version"),
    )
    op.create_index(op.f("ix_plan_candidate_id"), "plan", ["candidate_id"], unique=False)
    op.create_index("plan_request", "plan", ["mapping_request_id", "version"], unique=True)
    op.create_table(
        "receipt",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("consent_id", sa.String(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("jws", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        postgresql_with={"toast_tuple_target": 8160},
    )
    op.create_index("receipt_consent", "receipt", ["consent_id", "at"], unique=False)
    op.create_table(
        "recipient_key",
        sa.Column("recipient_id", sa.String(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("recipient_id"),
    )
    op.create_table(
        "release",
        sa.Column("key_hash", sa.String(), nullable=False),
        sa.Column("consent_id", sa.String(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=False),
        sa.Column("release_id", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key_hash", "consent_id"),
    )
    op.create_table(
        "service_key",
        sa.Column("use", sa.String(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("use"),
    )
    op.create_table(
        "session",
        sa.Column("id_hash", sa.LargeBinary(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=True),
        sa.Column("sealed_pid", sa.LargeBinary(), nullable=False),
        sa.Column("acr", sa.String(), nullable=False),
        sa.Column("sid", sa.String(), nullable=True),
        sa.Column("subject", sa.LargeBinary(), nullable=True),
        sa.Column("csrf_secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id_hash"),
    )
    op.create_index(op.f("ix_session_candidate_id"), "session", ["candidate_id"], unique=False)
    op.create_index(op.f("ix_session_last_seen_at"), "session", ["last_seen_at"], unique=False)
    op.create_index(op.f("ix_session_sid"), "session", ["sid"], unique=False)
    op.create_index(op.f("ix_session_subject"), "session", ["subject"], unique=False)
    op.create_table(
        "share",
        sa.Column("consent_id", sa.String(), nullable=False),
        sa.Column("recipient_id", sa.String(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=False),
        sa.Column("resource", sa.String(), nullable=False),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "consent_id", "recipient_id", "candidate_id", "resource", "resource_id", "version", "part"
        ),
    )
    op.create_index("share_candidate", "share", ["candidate_id"], unique=False)
    op.create_table(
        "standing_refusal",
        sa.Column("candidate_id", sa.String(), nullable=False),
        sa.Column("against", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("candidate_id"),
    )
    op.create_table(
        "unit",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("organisation_number", sa.String(), nullable=False),
        sa.Column("unit_code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("enabled", sa.BigInteger(), nullable=False),
        sa.Column("privacy_email", sa.String(), nullable=True),
        sa.Column("privacy_phone", sa.String(), nullable=True),
        sa.Column("successor_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("clients", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "waiting_item",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("lookup", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("from_unit", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("lapses_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_waiting_item_lapses_at"), "waiting_item", ["lapses_at"], unique=False)
    op.create_index(op.f("ix_waiting_item_lookup"), "waiting_item", ["lookup"], unique=False)
    op.create_table(
        "letter_status",
        sa.Column("letter_id", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["letter_id"],
            ["letter.id"],
        ),
        sa.PrimaryKeyConstraint("letter_id", "position"),
    )
    op.create_index(op.f("ix_letter_status_candidate_id"), "letter_status", ["candidate_id"], unique=False)
    op.create_table(
        "note_version",
        sa.Column("note_id", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["note_id"],
            ["note.id"],
        ),
        sa.PrimaryKeyConstraint("note_id", "version"),
    )
    op.create_index(op.f("ix_note_version_candidate_id"), "note_version", ["candidate_id"], unique=False)
    op.create_table(
        "person_number",
        sa.Column("lookup", sa.String(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"],
            ["candidate.id"],
        ),
        sa.PrimaryKeyConstraint("lookup"),
    )
    op.create_index(op.f("ix_person_number_candidate_id"), "person_number", ["candidate_id"], unique=False)
    op.create_table(
        "number_proof",
        sa.Column("session_hash", sa.LargeBinary(), nullable=False),
        sa.Column("lookup", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("whole", sa.BigInteger(), nullable=False),
        sa.Column("lapses_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session_hash"),
    )
    op.create_index(op.f("ix_number_proof_lapses_at"), "number_proof", ["lapses_at"], unique=False)
    op.create_index(op.f("ix_number_proof_lookup"), "number_proof", ["lookup"], unique=False)
    op.create_table(
        "number_proposal",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("lapses_at", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"],
            ["candidate.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_number_proposal_candidate_id"), "number_proposal", ["candidate_id"], unique=False)
    op.create_index(op.f("ix_number_proposal_lapses_at"), "number_proposal", ["lapses_at"], unique=False)
    op.create_table(
        "unit_client",
        sa.Column("organisation_number", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("unit_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["unit_id"],
            ["unit.id"],
        ),
        sa.PrimaryKeyConstraint("organisation_number", "client_id"),
    )


def downgrade() -> None:  # noqa: PLR0915  # one table after another
    """Go back to the revision before."""
    op.drop_table("unit_client")
    op.drop_index(op.f("ix_number_proposal_lapses_at"), table_name="number_proposal")
    op.drop_index(op.f("ix_number_proposal_candidate_id"), table_name="number_proposal")
    op.drop_table("number_proposal")
    op.drop_index(op.f("ix_number_proof_lookup"), table_name="number_proof")
    op.drop_index(op.f("ix_number_proof_lapses_at"), table_name="number_proof")
    op.drop_table("number_proof")
    op.drop_index(op.f("ix_person_number_candidate_id"), table_name="person_number")
    op.drop_table("person_number")
    op.drop_index(op.f("ix_note_version_candidate_id"), table_name="note_version")
    op.drop_table("note_version")
    op.drop_index(op.f("ix_letter_status_candidate_id"), table_name="letter_status")
    op.drop_table("letter_status")
    op.drop_index(op.f("ix_waiting_item_lookup"), table_name="waiting_item")
    op.drop_index(op.f("ix_waiting_item_lapses_at"), table_name="waiting_item")
    op.drop_table("waiting_item")
    op.drop_table("unit")
    op.drop_table("standing_refusal")
    op.drop_index("share_candidate", table_name="share")
    op.drop_table("share")
    op.drop_index(op.f("ix_session_subject"), table_name="session")
    op.drop_index(op.f("ix_session_sid"), table_name="session")
    op.drop_index(op.f("ix_session_last_seen_at"), table_name="session")
    op.drop_index(op.f("ix_session_candidate_id"), table_name="session")
    op.drop_table("session")
    op.drop_table("service_key")
    op.drop_table("release")
    op.drop_table("recipient_key")
    op.drop_index("receipt_consent", table_name="receipt")
    op.drop_table("receipt")
    op.drop_index("plan_request", table_name="plan")
    op.drop_index(op.f("ix_plan_candidate_id"), table_name="plan")
    op.drop_table("plan")
    op.drop_table("pending_leaf")
    op.drop_table("part")
    op.drop_index(op.f("ix_note_draft_lapses_at"), table_name="note_draft")
    op.drop_index(op.f("ix_note_draft_candidate_id"), table_name="note_draft")
    op.drop_table("note_draft")
    op.drop_index(op.f("ix_note_candidate_id"), table_name="note")
    op.drop_table("note")
    op.drop_table("node")
    op.drop_table("master_floor")
    op.drop_index("mapping_request_requester", table_name="mapping_request")
    op.drop_index("mapping_request_recipient", table_name="mapping_request")
    op.drop_index("mapping_request_candidate", table_name="mapping_request")
    op.drop_table("mapping_request")
    op.drop_index(op.f("ix_mapping_message_candidate_id"), table_name="mapping_message")
    op.drop_table("mapping_message")
    op.drop_table("mailbox_heard")
    op.drop_index(op.f("ix_logout_token_until"), table_name="logout_token")
    op.drop_table("logout_token")
    op.drop_index(op.f("ix_login_attempt_begun_at"), table_name="login_attempt")
    op.drop_table("login_attempt")
    op.drop_index(
        "letter_to_herself",
        table_name="letter",
        sqlite_where=sa.text("unit_id = 'mailbox' AND shares_held = 1"),
        postgresql_where=sa.text("unit_id = 'mailbox' AND shares_held = 1"),
    )
    op.drop_index("letter_standing", table_name="letter")
    op.drop_index("letter_plan", table_name="letter")
    op.drop_index(
        "letter_due",
        table_name="letter",
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.drop_index("letter_consent", table_name="letter")
    op.drop_index("letter_candidate", table_name="letter")
    op.drop_table("letter")
    op.drop_table("lease")
    op.drop_index("leaf_entry", table_name="leaf")
    op.drop_table("leaf")
    op.drop_index(op.f("ix_kept_answer_kept_at"), table_name="kept_answer")
    op.drop_table("kept_answer")
    op.drop_table("feed")
    op.drop_index(
        "event_unnumbered",
        table_name="event",
        sqlite_where=sa.text("number IS NULL"),
        postgresql_where=sa.text("number IS NULL"),
    )
    op.drop_index("event_number", table_name="event")
    op.drop_table("event")
    op.drop_table("entry_detail")
    op.drop_index(
        "entry_state",
        table_name="entry",
        sqlite_where=sa.text("changes_state <> 0"),
        postgresql_where=sa.text("changes_state <> 0"),
    )
    op.drop_index("entry_consent", table_name="entry")
    op.drop_table("entry")
    op.drop_index("consent_until", table_name="consent")
    op.drop_index("consent_requester", table_name="consent")
    op.drop_index("consent_reply", table_name="consent")
    op.drop_index("consent_recipient", table_name="consent")
    op.drop_index("consent_candidate", table_name="consent")
    op.drop_table("consent")
    op.drop_index(op.f("ix_claim_try_since_at"), table_name="claim_try")
    op.drop_table("claim_try")
    op.drop_table("checkpoint")
    op.drop_table("chain")
    op.drop_table("candidate_key")
    op.drop_table("candidate")
