"""One lock, one order: locks that are shared, late, unsorted, or not let go, on both databases."""

from __future__ import annotations

from tests.faults.fault import in_room

LOCKS = "tests/consents/test_locks.py"
MEANWHILE = "tests/consents/test_meanwhile.py"
STOPPED = "tests/consents/test_stopped.py"
STORAGE = ("tests/storage/test_sqlite.py", "tests/storage/test_transactions.py")
SERVER = "tests/storage/test_postgresql.py"

_READ = "        read = await gather(tx, self._desk, {0}, await read_shares(tx, *wanted_shares({0})), {1})\n"

FAULTS = (
    # --- shared --------------------------------------------------------------------------------------
    in_room(
        "storage/statement",
        "locked FOR SHARE, and counted afterwards",
        '"for_update": "FOR UPDATE",',
        '"for_update": "FOR SHARE",',
        LOCKS,
        "postgresql",
    ),
    in_room(
        "storage/statement",
        "what nobody holds is locked FOR SHARE",
        '"skip_locked": "FOR UPDATE SKIP LOCKED",',
        '"skip_locked": "FOR SHARE SKIP LOCKED",',
        LOCKS,
        "postgresql",
    ),
    in_room(
        "storage/sqlite",
        "writers of two processes begin without waiting",
        '"BEGIN IMMEDIATE"',
        '"BEGIN"',
        *STORAGE,
        LOCKS,
    ),
    # --- unsorted ------------------------------------------------------------------------------------
    in_room(
        "audit/log",
        "chains are locked one by one, as they are named",
        "    heads = {head.chain_id: head for head in await _store.lock_heads(tx, wanted)}\n"
        "    if len(heads) != len(wanted):",
        "    heads = {head.chain_id: head for one in chain_ids\n"
        "             for head in await _store.lock_heads(tx, [one])}\n"
        "    if len(heads) != len(wanted):",
        LOCKS,
        "postgresql",
        also=(("    wanted = sorted(set(chain_ids))\n", "    wanted = chain_ids = list(dict.fromkeys(chain_ids))\n"),),
    ),
    in_room(
        "audit/_store",
        "chains are locked as they lie in the table",
        'closed = 0"\n    " ORDER BY chain_id {for_update}"',
        'closed = 0"\n    " {for_update}"',
        LOCKS,
        "postgresql",
    ),
    # --- late ----------------------------------------------------------------------------------------
    in_room(
        "consents/gate",
        "the gate reads before it locks",
        "        heads, held = await lock_concerned(tx, chains.values(), wait=alone)\n",
        _READ.format("[call.ask for call in batch]", "{}")
        + "        heads, held = await lock_concerned(tx, chains.values(), wait=alone)\n",
        MEANWHILE,
        "postgresql",
        also=((_READ.format("asks", "heads"), ""),),
    ),
    in_room(
        "consents/gate",
        "the gate reads before it locks, as the statements tell",
        "        heads, held = await lock_concerned(tx, chains.values(), wait=alone)\n",
        _READ.format("[call.ask for call in batch]", "{}")
        + "        heads, held = await lock_concerned(tx, chains.values(), wait=alone)\n",
        "tests/api/test_candidate_and_units.py",
        also=((_READ.format("asks", "heads"), ""),),
    ),
    in_room(
        "consents/_store",
        "the gate locks and reads in one statement",
        '_CANDIDATES = Statement("SELECT id, candidate_id FROM consent WHERE id IN (:ids[])")',
        "_CANDIDATES = Statement(f\"SELECT c.{', c.'.join(_COLUMNS)} FROM consent c JOIN chain h ON h.chain_id\"\n"
        '    " = c.candidate_id WHERE c.id IN (:ids[]) ORDER BY h.chain_id FOR UPDATE OF h")\n'
        "_SEEN = {}",
        MEANWHILE,
        "postgresql",
        also=(
            (
                'return {row["id"]: row["candidate_id"] for row in await view.rows(_CANDIDATES, ids=ids)}',
                '_SEEN.update({row["id"]: _stored(row) for row in await view.rows(_CANDIDATES, ids=ids)})\n'
                "    return {one: _SEEN[one].candidate_id for one in ids if one in _SEEN}",
            ),
            (
                'return {row["id"]: _stored(row) for row in await view.rows(_MANY, ids=ids)}',
                "return {one: _SEEN.pop(one) for one in ids if one in _SEEN}",
            ),
        ),
    ),
    in_room(
        "consents/endings",
        "a revoke reads before it locks",
        "    try:\n        head = await lock_to_end(tx, desk.keys.log, candidate_id)\n    except",
        "    found = await _store.find(tx, consent_id)\n"
        "    try:\n"
        "        head = await lock_to_end(tx, desk.keys.log, candidate_id)\n"
        "    except",
        MEANWHILE,
        "postgresql",
        also=(
            (
                "or closed it\n"
                "        return None\n"
                "    try:\n"
                "        consent = await _hers(tx, desk, await _store.find(tx, consent_id),",
                "or closed it\n        return None\n    try:\n        consent = await _hers(tx, desk, found,",
            ),
        ),
    ),
    in_room(
        "consents/endings",
        "consents on a note are looked for before the lock",
        "    await lock(tx, [candidate_id])  # what is being granted in this moment ends too\n",
        "",
        MEANWHILE,
        "postgresql",
    ),
    in_room(
        "consents/endings",
        "consents on a note are looked for before the lock, as the statements tell",
        "    await lock(tx, [candidate_id])  # what is being granted in this moment ends too\n",
        "",
        "tests/api/test_candidate_and_units.py",
    ),
    in_room(
        "consents/grants",
        "a yes reads the request before it locks",
        "    head = (await lock(tx, [yes.candidate_id]))[yes.candidate_id]\n"
        "    at = head.now(now)\n"
        "    consent = await _store.find(tx, consent_id)\n"
        "    if consent is None or consent.candidate_id != head.chain_id:\n"
        "        raise NotAvailable\n"
        "    await verify(tx, desk.keys, consent)\n"
        "    if State(",
        "    consent = await _store.find(tx, consent_id)\n"
        "    if consent is None:\n"
        "        raise NotAvailable\n"
        "    await verify(tx, desk.keys, consent)\n"
        "    head = (await lock(tx, [yes.candidate_id]))[yes.candidate_id]\n"
        "    at = head.now(now)\n"
        "    if State(",
        MEANWHILE,
        "postgresql",
    ),
    # --- not let go ----------------------------------------------------------------------------------
    in_room(
        "storage/postgresql",
        "a stopped process keeps its locks for a minute",
        '"idle_in_transaction_session_timeout": "1500"',
        '"idle_in_transaction_session_timeout": "60000"',
        STOPPED,
        "postgresql",
    ),
    in_room(
        "storage/postgresql",
        "a lock is waited for without end",
        '"lock_timeout": "2000"',
        '"lock_timeout": "0"',
        SERVER,
        "postgresql",
    ),
    in_room(
        "storage/postgresql",
        "a commit is answered before it is on the disk",
        '"synchronous_commit": "on"',
        '"synchronous_commit": "off"',
        SERVER,
        "postgresql",
    ),
    in_room(
        "storage/postgresql",
        "writers see the database as of their first statement",
        '_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"',
        '_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ"',
        LOCKS,
        "postgresql",
    ),
    in_room(
        "storage/sqlite",
        "a commit is answered before it is on the disk",
        '"PRAGMA synchronous=FULL"',
        '"PRAGMA synchronous=NORMAL"',
        *STORAGE,
    ),
    in_room(
        "storage/sqlite",
        "SQLite waits by itself, and the loop with it",
        '"PRAGMA busy_timeout=0"',
        '"PRAGMA busy_timeout=5000"',
        *STORAGE,
    ),
    in_room(
        "storage/sqlite",
        "readers and the writer stand in each other's way",
        '"PRAGMA journal_mode=WAL"',
        '"PRAGMA journal_mode=DELETE"',
        *STORAGE,
    ),
    in_room(
        "storage/sqlite",
        "who waits for another process's writer waits without end",
        "            async with asyncio.timeout(self._patience):\n                yield\n",
        "            yield\n",
        STOPPED,
    ),
)
