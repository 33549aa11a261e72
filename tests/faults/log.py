"""The log: chains, commitments, leaves and heads."""

from __future__ import annotations

from tests.faults.fault import in_room

GATE = "tests/consents/test_gate.py"
COMMITS = "tests/consents/test_commits.py"
LOG = "tests/audit/test_log.py"
HEADS = "tests/audit/test_heads.py"
MOVED = "tests/consents/test_moved_rows.py"
SEQUENCER = "tests/audit/test_sequencer.py"
MERKLE = "tests/audit/test_merkle.py"
VERIFY = "tests/audit/test_verification.py"
PLANTED = "tests/consents/test_planted_in_her_chain.py"
EXPORT = "tests/rights/test_export.py"

FAULTS = (
    in_room(
        "audit/heads",
        "time runs backwards with the clock",
        "return max(clock_now, self.last_at + 1)",
        "return clock_now",
        GATE,
    ),
    in_room(
        "audit/heads",
        "a head is believed whoever wrote it",
        "        head.sound = begun or key.beside.verify(_covered(head), head.mac)",
        "        head.sound = True",
        HEADS,
    ),
    in_room(
        "audit/heads",
        "a head of other types is believed as far as it goes",
        "    if [*map(type, held)] == _TYPES and 0 <= head.length",
        "    if 0 <= head.length",
        PLANTED,
    ),
    in_room(
        "audit/places",
        "what is planted in the place where her chain goes on keeps her from ending",
        "    free = await _store.first_free(tx, head.chain_id, head.length)",
        "    free = head.length",
        PLANTED,
    ),
    in_room(
        "audit/places",
        "her chain goes on behind whatever stands last",
        "            if is_sealed(key, chain_id, row):",
        "            if row:",
        PLANTED,
    ),
    in_room(
        "audit/heads",
        "a changed head is proven anew",
        '    head.mac = key.beside.mac(_covered(head)) if head.sound else b""',
        "    head.mac = key.beside.mac(_covered(head))",
        HEADS,
    ),
    in_room(
        "audit/log",
        "the last step is the last that is found",
        ' and steps.get(row["consent_id"]) == known',
        "",
        MOVED,
    ),
    in_room(
        "audit/vocabulary",
        "a consent that has ended is kept in the head",
        "        steps.pop(consent_id, None)",
        "        steps[consent_id] = position",
        HEADS,
    ),
    in_room(
        "audit/_store",
        "the chain is read and not locked",
        'closed = 0"\n    " ORDER BY chain_id {for_update}"',
        'closed = 0"\n    " ORDER BY chain_id"',
        COMMITS,
        "postgresql",
    ),
    in_room(
        "audit/_store",
        "an erased person's chain goes on",
        'IN (:ids[]) AND closed = 0"\n    " ORDER BY chain_id {for_update}"',
        'IN (:ids[])"\n    " ORDER BY chain_id {for_update}"',
        LOG,
    ),
    in_room(
        "audit/log",
        "an entry does not name the one before",
        '"previous": head.digest.hex(),',
        '"previous": FIRST.hex(),',
        EXPORT,
    ),
    in_room(
        "audit/log",
        "the commitment has no salt",
        "sha256(salt + secret).hexdigest()",
        "sha256(secret).hexdigest()",
        EXPORT,
    ),
    in_room(
        "audit/details",
        "a detail is not bound to its entry",
        'return aad("2", "log detail", chain_id, str(position), digest.hex())',
        'return aad("2", "log detail", chain_id, str(position))',
        LOG,
    ),
    in_room(
        "audit/details",
        "a leaf hashes as a node does",
        'return sha256(b"\\x00" + body).digest()',
        'return sha256(b"\\x01" + body).digest()',
        LOG,
        MERKLE,
        "tests/audit/test_proofs.py",
        "tests/clients",
    ),
    in_room(
        "audit/merkle",
        "a node hashes as a leaf does",
        'return sha256(b"\\x01" + left + right).digest()',
        'return sha256(b"\\x00" + left + right).digest()',
        MERKLE,
    ),
    in_room(
        "audit/merkle",
        "a consistency proof leaves the old tree out",
        "    if not whole:\n        path.append((start, end))\n",
        "",
        MERKLE,
    ),
    in_room(
        "audit/sequencer",
        "an entry that was changed becomes a leaf",
        "    if not all(_written(key, row) for row in waiting):",
        "    if not isinstance(waiting, list):",
        SEQUENCER,
    ),
    in_room(
        "audit/sequencer",
        "a head is signed that does not extend the one before",
        'or newest["root"] != await _root(tx, newest["size"])',
        "or not newest",
        SEQUENCER,
    ),
    in_room(
        "audit/sequencer",
        "two number at once",
        '    if not await hold(tx, "log-sequencer", holder, now=now, duration=_LEASE):\n        return 0\n',
        "",
        SEQUENCER,
    ),
    in_room(
        "storage/lease",
        "a lease is taken from a holder who has it",
        'row["until"] > now:',
        'row["until"] < 0:',
        "tests/storage/test_lease.py",
    ),
    in_room(
        "audit/vocabulary",
        "an identity number is a word like any other",
        " and not looks_like_one(value)",
        "",
        "tests/audit/test_vocabulary.py",
    ),
    in_room(
        "audit/verification/chains",
        "an entry that stands in another place is not seen",
        'if said.get("chain") != self.id or said.get("position") != row["position"]:',
        'if said.get("chain") != self.id:',
        VERIFY,
    ),
    in_room(
        "audit/verification/chains",
        "the seal at a chain's end is not looked at",
        "            if changed is None:",
        "            if changed == [None]:",
        VERIFY,
    ),
    in_room(
        "audit/verification/tree",
        "a signed head is not compared with the leaves",
        '        if row["root"] == root:',
        "        if root:",
        VERIFY,
    ),
    in_room(
        "audit/verification/tree",
        "a checkpoint kept elsewhere is not compared",
        "        elif kept.note.root != root:",
        "        elif not root:",
        VERIFY,
    ),
    in_room(
        "storage/migrations/versions/0002_a_log_that_only_grows",
        "the service's role may change the log",
        "    _run(f\"REVOKE UPDATE, DELETE ON {', '.join(ONLY_GROW)} FROM {ROLE}\")\n",
        "",
        "tests/audit/test_roles.py",
        "postgresql",
    ),
    in_room(
        "audit/verification/receipts",
        "a receipt does not tell that a chain may be gone",
        "UNHEARD if spoken_of else UNSPOKEN_OF",
        "UNHEARD",
        "tests/audit/test_verification_receipts.py",
    ),
)
