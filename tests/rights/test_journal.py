"""The erasure journal: written and synced before an erasure commits, read back line by line, believed by its MAC."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from consent_service.crypto.service_keys import MacKey
from consent_service.errors import NotAvailable, StorageUnavailable
from consent_service.rights import erasure
from consent_service.rights.journal import JournalFile, Line, Read
from tests.rights.conftest import Life, stored

KEY = MacKey(bytes(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere" / "erasures.jsonl"


async def test_what_is_recorded_is_read(path: Path) -> None:
    """Lines of several processes stand beside each other; of somebody who stands twice the later line counts."""
    one, two = JournalFile(path, KEY), JournalFile(path, KEY)
    await asyncio.gather(*(journal.record(f"c{n}", n) for n, journal in enumerate([one, two] * 20)))
    await one.record("c3", 99)
    await two.record("c3", 50)
    read = two.read()
    assert read.unreadable == 0
    assert {line.candidate_id: line.at for line in read.lines} == {**{f"c{n}": n for n in range(40)}, "c3": 99}
    assert _mode(path) == 0o600


async def test_a_line_says_nothing_about_a_person(path: Path) -> None:
    """A random id, a time and a MAC: nothing else is in the file."""
    await JournalFile(path, KEY).record("0c9f", 1)
    assert set(json.loads(_text(path))) == {"format", "candidate", "at", "mac"}


async def test_a_line_that_was_cut_short_spoils_no_other(path: Path) -> None:
    """A crash leaves half a line; the next one begins on a line of its own, and half a line is told."""
    journal = JournalFile(path, KEY)
    await journal.record("a", 1)
    _write(path, _text(path) + _text(path)[:40])
    await journal.record("b", 2)
    assert journal.read() == Read((Line("a", 1), Line("b", 2)), unreadable=0, cut=1)


@pytest.mark.parametrize("length", [1, 6, 40, -1])
async def test_a_crash_in_the_last_line_is_told_from_a_change(path: Path, length: int) -> None:
    """The beginning of a line stood before no commit, wherever it was cut; a whole line that is not ours is another."""
    journal = JournalFile(path, KEY)
    await journal.record("a", 1)
    whole = _text(path)
    _write(path, whole + whole.rstrip("\n")[:length])
    assert journal.read() == Read((Line("a", 1),), unreadable=0, cut=1)
    _write(path, whole + whole.rstrip("\n")[length:])
    assert journal.read().unreadable == 1


async def test_a_line_that_others_wrote_erases_nobody(path: Path) -> None:
    """Another's MAC, a changed id or time, another format, and what is no line at all are counted and not believed."""
    await JournalFile(path, MacKey(bytes([1] * 32))).record("a", 1)
    journal = JournalFile(path, KEY)
    await journal.record("b", 2)
    good = json.loads(_text(path).splitlines()[1])
    changed = [{**good, "candidate": "c"}, {**good, "at": 3}, {**good, "format": 2}, {**good, "mac": "00"}, [], 7]
    _write(path, _text(path) + "".join(json.dumps(line) + "\n" for line in changed) + "rubbish\n\n")
    assert journal.read() == Read((Line("b", 2),), unreadable=1 + len(changed) + 1, cut=0)


async def test_an_erasure_stands_in_the_journal_before_it_commits(life: Life, path: Path) -> None:
    """While the transaction is open the line is there already, with the very time that the log has."""
    journal = JournalFile(path, life.office.keys.service.rows)
    async with life.db.transaction() as tx:
        erased = await erasure.erase(
            tx, life.office.desk, life.candidate_id, now=life.office.clock.now(), journal=journal
        )
        (line,) = journal.read().lines
    assert line.candidate_id == life.candidate_id
    assert erased.statement["log"]["chain"] == line.candidate_id


async def test_without_the_journal_nothing_is_erased(life: Life, path: Path) -> None:
    """A journal that can't be written stops the erasure whole: nothing is destroyed, and the door answers 503."""
    before = await stored(life.db)
    journal = JournalFile(path.parent / "not-there" / "erasures.jsonl", life.office.keys.service.rows)
    with pytest.raises(StorageUnavailable):
        async with life.db.transaction() as tx:
            await erasure.erase(tx, life.office.desk, life.candidate_id, now=life.office.clock.now(), journal=journal)
    assert await stored(life.db) == before


async def test_nobody_is_written_down_who_is_not_there(life: Life, path: Path) -> None:
    """Erasing somebody unknown leaves no line."""
    journal = JournalFile(path, life.office.keys.service.rows)
    with pytest.raises(NotAvailable):
        async with life.db.transaction() as tx:
            await erasure.erase(tx, life.office.desk, "unknown", now=life.office.clock.now(), journal=journal)
    with pytest.raises(FileNotFoundError):
        journal.read()


def _text(path: Path) -> str:
    return path.read_text()


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
