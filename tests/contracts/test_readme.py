"""The README is run: its commands against a running demo, its tables against the code they describe."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from typer.core import TyperGroup as Group
from typer.main import get_command

from consent_service.cli.main import app
from consent_service.settings import Settings

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text()
IS_UP = "Everything stays up until Ctrl-C."
PATIENCE = 300.0
"""Seconds for the whole demo to come up and walk its journey, on a machine that does other things too."""

_RUN = re.compile(r"<!-- run: (\w+) -->\n```bash\n(.*?)```", re.DOTALL)
_PROMISE = re.compile(r"# → (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)\)")


def script(name: str) -> str:
    """The README's blocks of one name, in their order, as one script."""
    return "\n".join(text for block, text in _RUN.findall(README) if block == name)


def promises(text: str) -> list[str]:
    """What a script says that its lines will print: everything after an arrow."""
    return [promise.strip() for promise in _PROMISE.findall(text)]


def run(text: str, folder: Path, environ: dict[str, str]) -> str:
    """Runs a script as its reader would, and returns what it printed."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def assert_in_order(printed: str, expected: list[str]) -> None:
    """Each promise stands in what was printed, after the one before it."""
    place = 0
    for promise in expected:
        found = printed.find(promise, place)
        assert found >= 0, f"“{promise}” is not printed after the earlier lines:\n{printed[place:]}"
        place = found + len(promise)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks as a clone does to the README's commands: its environment stands in `.venv`."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


@pytest.fixture
def environ() -> dict[str, str]:
    """A shell's environment, without a setting of the service in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CONSENT_", "DIGIPOST_"))}
    return kept | {"PYTHONUNBUFFERED": "1"}


@pytest.fixture
def demo(folder: Path, environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """What `make demo DATA=demo-data` runs, once its journey has held and it stays up."""
    said = folder / "demo.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [".venv/bin/consent-service", "demo", "--data", "demo-data"],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while IS_UP not in said.read_text():
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < deadline, said.read_text()
            time.sleep(0.2)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)


def test_the_journey_by_hand_works_as_written(
    demo: subprocess.Popen[bytes], folder: Path, environ: dict[str, str]
) -> None:
    """Everything that the README tells a reader to type against the demo works, and prints what it says it does.

    The demo itself has walked the eight steps before, in processes of their own, and on Ctrl-C it ends them all.
    """
    journey = script("journey")
    expected = promises(journey)
    assert len(expected) > 8
    assert_in_order(run(journey, folder, environ), expected)
    assert demo.poll() is None
    service = re.search(r"^SERVICE=(.+)$", (folder / "demo-data/env").read_text(), re.MULTILINE)
    assert service is not None
    assert httpx.get(f"{service[1]}/v1/purposes").status_code == httpx.codes.OK
    demo.send_signal(signal.SIGINT)
    assert demo.wait(PATIENCE) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{service[1]}/v1/purposes")


def test_running_it_for_real_works_as_written(folder: Path, environ: dict[str, str]) -> None:
    """An operator's first commands, as the README lists them, work on an empty machine."""
    operating = script("operating")
    expected = promises(operating)
    assert expected
    assert_in_order(run(operating, folder, environ), expected)


def test_the_settings_table_is_the_settings() -> None:
    """Every setting stands in the README's table with its default, in the order of settings.variables, and no more."""
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| (.*?) \| (.+) \|$", README, re.MULTILINE)
    fields = {str(field.validation_alias): field for field in Settings.model_fields.values()}
    assert [name for name, _, _ in rows] == list(fields)
    assert {name: default for name, default, _ in rows} == {name: shown(field) for name, field in fields.items()}


def shown(field: FieldInfo) -> str:
    """A default as the table shows it: nothing for none."""
    if field.is_required():
        return "**must be set**"
    value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    return "" if value in (None, "", ()) else f"`{value}`"


def test_every_command_that_is_named_exists() -> None:
    """What the README tells an operator to type is a command of `consent-service`."""
    named = set(re.findall(r"(?:^|`|\$)consent[-_]service ([a-z]+)(?: ([a-z-]+))?", README, re.MULTILINE))
    assert ("keys", "rotate") in named
    top = get_command(app)
    assert isinstance(top, Group)
    for first, second in named:
        command = top.commands[first]
        assert not isinstance(command, Group) or second in command.commands, (first, second)


def test_the_links_lead_somewhere() -> None:
    """Every file that the README links to is in the repository."""
    links = _LINK.findall(README)
    assert links
    assert not [link for link in links if not (REPOSITORY / link).exists()]


def test_no_block_is_forgotten() -> None:
    """Every bash block of the README is run by one of these tests; other blocks are for reading."""
    assert len(re.findall(r"```bash\n", README)) == len(_RUN.findall(README))
