"""What the log may hold is a closed list: every append in the code is on it, and it has nothing that no code says."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import consent_service
from consent_service.audit.log import Entry, append, lock
from consent_service.audit.vocabulary import EVENTS, NotInTheVocabulary, check
from consent_service.storage.engine import Statement
from tests.audit.conftest import ANNA, Log

ROOT = Path(consent_service.__file__).parent
SHA256 = "0" * 64


@cache
def trees() -> list[tuple[Path, ast.Module]]:
    """All code but the vocabulary itself, parsed."""
    paths = [path for path in sorted(ROOT.rglob("*.py")) if path.name != "vocabulary.py"]
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


def appends() -> Iterator[tuple[Path, ast.Call]]:
    """Every place where an entry is made."""
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Entry":
                yield path, node


def event_of(call: ast.Call) -> ast.expr:
    named = [keyword.value for keyword in call.keywords if keyword.arg == "event"]
    return named[0] if named else call.args[0]


def prefix(joined: ast.JoinedStr) -> str | None:
    """What an f-string begins with, or None if it begins with a value."""
    first = joined.values[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def test_every_event_that_the_code_names_is_in_it() -> None:
    """Constants stand in the list; a name put together ends with a state, and begins as some in the list do."""
    seen = 0
    for path, call in appends():
        event = event_of(call)
        seen += 1
        if isinstance(event, ast.Constant):
            assert event.value in EVENTS, path
        elif isinstance(event, ast.JoinedStr) and prefix(event) is not None:
            assert any(name.startswith(str(prefix(event))) for name in EVENTS), path
        else:  # a variable, or the ledger's f"{kind}.{event}": what it may be is a constant in the same room
            assert isinstance(event, ast.Name | ast.JoinedStr), path
    assert seen > 25


def test_every_event_in_it_is_said_by_some_code() -> None:
    """A word that nobody says any more is taken out."""
    constants = {
        node.value
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    def said(name: str) -> bool:
        kind, state = name.split(".")
        return name in constants or (bool({kind, f"{kind}."} & constants) and state in constants)

    assert [name for name in EVENTS if not said(name)] == []


def test_every_detail_that_the_code_names_is_in_it() -> None:
    """A dictionary written at an append has the fields of its event, and no other."""
    for path, call in appends():
        event = event_of(call)
        for keyword in call.keywords:
            if keyword.arg == "detail" and isinstance(keyword.value, ast.Dict) and isinstance(event, ast.Constant):
                fields = {key.value for key in keyword.value.keys if isinstance(key, ast.Constant)}
                assert fields <= EVENTS[str(event.value)], path


@pytest.mark.parametrize(
    ("event", "ids", "outcome", "detail"),
    [
        ("note.read", (), None, {}),
        ("note.saved", ("21879498012",), None, {}),
        ("note.saved", ("A21879498012",), None, {}),
        ("note.saved", ("Kari Nordmann",), None, {}),
        ("release.refused", (), "21879498012", {}),
        ("release.refused", (), "she said: no", {}),
        ("release.refused", (), None, {"content_sha256": SHA256}),
        ("release.released", (), None, {"employee": "218794 98012"}),
        ("release.released", (), None, {"employee": "Kari Nordmann"}),
        ("release.released", (), None, {"office": "21879498012"}),
        ("release.released", (), None, {"office": "2187 9498 012"}),
        ("release.released", (), None, {"employee": "21.87.94.98012"}),
        ("release.released", (), None, {"content_sha256": "Jeg liker sveising"}),
        ("release.released", (), None, {"content": "Jeg liker sveising"}),
        ("note.saved", (), None, {"version": "1"}),
    ],
)
def test_what_is_not_in_it_is_refused(
    event: str, ids: tuple[str, ...], outcome: str | None, detail: dict[str, object]
) -> None:
    """An unknown event or field, an identity number, a name, a sentence; and the refusal does not repeat them."""
    with pytest.raises(NotInTheVocabulary) as refused:
        check(event, ids, outcome, detail)
    assert not {"21879498012", "Kari", "sveising"} & set(str(refused.value).replace(":", " ").split())


def test_a_random_id_is_one_however_its_digits_fall() -> None:
    """A UUID may end in eleven digits: it is an id, and not judged as an identity number."""
    check("release.refused", ("aaaaaaaa-aaaa-aaaa-aaaa-a12345678901", "abcdefab-cdef-abcd-efab-cdefab123456"), None, {})


async def test_what_is_refused_is_not_written(log: Log) -> None:
    """The append fails, and with it the transaction that wanted it."""

    async def write() -> None:
        async with log.db.transaction() as tx:
            head = (await lock(tx, [ANNA]))[ANNA]
            await append(tx, log.keys.log, head, Entry("note.saved", "candidate"), at=log.now)
            await append(tx, log.keys.log, head, Entry("note.saved", "candidate", detail={"text": "x"}), at=log.now)

    with pytest.raises(NotInTheVocabulary):
        await write()
    assert (await log.verified()).entries == 31


async def test_a_body_has_these_fields_alone(log: Log) -> None:
    """The columns say nothing that the body does not, and the body has ids, time, outcome and a commitment."""
    async with log.db.snapshot() as view:
        rows = await view.rows(Statement("SELECT body FROM entry"))
    assert {frozenset(json.loads(row["body"])) for row in rows} == {
        frozenset(
            {"format", "chain", "position", "previous", "at", "event", "actor", "unit", "consent", "resource"}
            | {"outcome", "state", "commitment"}
        )
    }
