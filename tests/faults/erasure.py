"""What is to be gone, and the databases that it is to be gone from."""

from __future__ import annotations

from tests.faults.fault import in_room

ERASURE = "tests/rights/test_erasure.py"
JOURNAL = "tests/rights/test_journal.py"

FAULTS = (
    in_room(
        "rights/erasure", "keys outlive the person", "        **await seal.erase(tx, candidate_id),\n", "", ERASURE
    ),
    in_room(
        "persons/forgetting",
        "what waits outlives the person",
        "    await _store.delete_items(tx, await _store.lookups_of(tx, candidate_id))\n",
        "",
        ERASURE,
    ),
    in_room(
        "rights/erasure",
        "sessions outlive the person",
        '        "sessions": await sessions.end_of_candidate(tx, candidate_id),\n',
        '        "sessions": 0,\n',
        ERASURE,
    ),
    in_room(
        "storage/sqlite",
        "what is deleted stays in the file",
        '"PRAGMA secure_delete=ON",',
        '"PRAGMA secure_delete=OFF",',
        "tests/storage/test_sqlite.py",
        ERASURE,
    ),
    in_room(
        "storage/sqlite",
        "what is deleted stays in the write-ahead log",
        "            self._unscrubbed |= view.scrub\n",
        "",
        "tests/storage/test_sqlite.py",
        ERASURE,
    ),
    in_room(
        "storage/sqlite",
        "a failed statement commits what came before it",
        "        if view.failure is not None:\n            raise view.failure\n        try:\n",
        "        try:\n",
        "tests/storage/test_transactions.py",
    ),
    in_room(
        "rights/erasure",
        "an erasure is in no journal",
        "    await journal.record(candidate_id, appended.at)\n",
        "",
        ERASURE,
        JOURNAL,
    ),
    in_room(
        "rights/erasure",
        "an erasure is written down by and by, and commits before",
        "    await journal.record(candidate_id, appended.at)\n",
        "    __import__('asyncio').create_task(journal.record(candidate_id, appended.at))\n",
        JOURNAL,
    ),
    in_room(
        "rights/journal",
        "the journal is not synced",
        "            os.fsync(handle)\n",
        "",
        "tests/rights/test_synced.py",
    ),
    in_room(
        "rights/journal",
        "anybody may write into the journal",
        "self._key.verify(self._message(line.candidate_id, line.at), mac)",
        "bool(mac)",
        JOURNAL,
    ),
    in_room(
        "consents/endings",
        "a restored consent stays in force",
        "        return None\n    return await _end(tx, desk, head, consent, State.INVALIDATED,",
        "        return None\n    return None if now else await _end(tx, desk, head, consent, State.INVALIDATED,",
        "tests/rights/test_replay.py",
    ),
    in_room(
        "rights/replay",
        "who acted after the restore is not erased again",
        'line.at < row["at"] < restored_at',
        'line.at < row["at"]',
        "tests/rights/test_replay.py",
    ),
)
