"""What the answers look like, and what they keep to themselves."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import segno

import consent_clients
from consent_clients.models import PickUpCode, Preview, Release, terminal_qr

FOLDER = Path(consent_clients.__file__).parent


def test_the_code_is_drawn_module_by_module() -> None:
    """The terminal's QR code has the modules of the claim address, quiet zone included, light ones as blocks."""
    address = "http://localhost:8080/pick-up#ABCD-EFGH-JKLM-NPQR"
    drawn = terminal_qr(address, border=2).split("\n")
    modules = [list(row) for row in segno.make(address, error="m", micro=False).matrix_iter(border=2)]
    for y, row in enumerate(modules):
        light = "█▀" if y % 2 == 0 else "█▄"
        assert "".join("0" if letter in light else "1" for letter in drawn[y // 2]) == "".join(
            str(int(module)) for module in row
        )


def test_nothing_personal_or_secret_is_in_a_repr() -> None:
    """A traceback or a log line that shows an answer shows ids only."""
    content = {"parts": [{"resource": "note", "part": "interests", "content": {"text": "SECRET"}}]}
    shown = "".join(
        repr(each)
        for each in (
            PickUpCode("d", "SECRET", "http://x/SECRET", "2026-01-01T00:00:00Z"),
            Preview({"parts": "SECRET"}, content, "hash", "2026-01-01T00:00:00Z"),
            Release("r", "c", "2026-01-01T00:00:00Z", "hash", "SECRET", content, "SECRET"),
        )
    )
    assert "SECRET" not in shown


def test_a_release_is_read_by_the_names_of_its_parts() -> None:
    """A part is found by resource and name; one that was not granted is a KeyError, not an empty text."""
    content = {"parts": [{"resource": "note", "part": "interests", "content": {"text": "welding"}}]}
    release = Release("r", "c", "2026-01-01T00:00:00Z", "hash", "salt", content)
    assert release.part("note", "interests") == {"text": "welding"}
    assert release.parts() == [("note", "interests")]
    with pytest.raises(KeyError):
        release.part("note", "needs")


def test_the_clients_know_nothing_of_the_service() -> None:
    """No file of the package imports consent_service: it is a contract over HTTP, not a library."""
    files = sorted(FOLDER.rglob("*.py"))
    assert files
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] == "consent_service"], file
