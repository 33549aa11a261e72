"""The rooms' import contracts hold, and each of them fails when what it forbids is planted."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

# contract -> what is planted: module -> the line it has
PLANTS: dict[str, dict[str, str]] = {
    "Rooms import only downwards": {"consent_service.vault.planted": "import consent_service.notes"},
    "No circles inside a room": {
        "consent_service.notes.planted": "import consent_service.notes.replanted",
        "consent_service.notes.replanted": "import consent_service.notes.planted",
    },
    "The gate alone opens for a recipient": {
        "consent_service.consents.planted": "from consent_service.vault import recipient"
    },
    "Grants, endings, letters and archives alone make and destroy shares": {
        "consent_service.delivery.planted": "from consent_service.vault.shares import share_parts"
    },
    "Grants alone open for the owner to share": {
        "consent_service.consents.planted": "from consent_service.vault.granting import share"
    },
    "What the owner reads is opened in five places": {
        "consent_service.notes.planted": "import consent_service.vault.candidate"
    },
    "Units and letters never reach the owner's opening": {
        "consent_service.delivery.planted": "import consent_service.consents.preview"
    },
    "The composition root alone picks a key provider and a mailbox": {
        "consent_service.delivery.planted": "import consent_service.mailbox.digipost"
    },
    "Key providers alone touch what they are made of": {"consent_service.vault.planted": "import hvac"},
    "Tables are defined in stores": {"consent_service.notes.planted": "from sqlmodel import SQLModel"},
    "Database drivers stay in storage": {"consent_service.notes._planted": "import sqlite3"},
    "HTTP lives at the doors": {"consent_service.consents.planted": "from starlette.requests import Request"},
    "Only what calls somebody has an HTTP client": {"consent_service.delivery.planted": "import httpx"},
    "Calls are counted in one place": {"consent_service.api.planted": "import redis"},
    "Cryptography stays with crypto, identity and the sandbox": {
        "consent_service.vault.planted": "from cryptography.hazmat.primitives.ciphers.aead import AESGCM"
    },
    "Documents are opened in a press alone, and at the local Digipost": {
        "consent_service.plans.planted": "import pikepdf"
    },
    "A press is run, never imported": {"consent_service.plans.planted": "import consent_service.plans.typesetting"},
    "Only the mailbox speaks XML": {"consent_service.plans.planted": "from lxml import etree"},
    "The sandbox is started by an operator alone": {"consent_service.app.planted": "import consent_service.sandbox"},
    "Clients know the service by its contract alone": {"consent_clients.planted": "import consent_service.clock"},
    "The service needs a client for its demo alone": {"consent_service.cli.planted": "import consent_clients"},
    "What needs a client is loaded by the demo alone": {
        "consent_service.cli.planted": "import consent_service.cli.demo_words"
    },
} | {
    f"The store of {room} is private": {"consent_service.cli.planted": f"import consent_service.{room}._store"}
    for room in (path.parent.name for path in (REPOSITORY / "consent_service").glob("*/_store.py"))
}


def lint(tree: Path) -> tuple[int, set[str]]:
    """lint-imports' exit status in ``tree``, and the names of the contracts it found broken."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tree), str(tree / "clients/python")])}
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    broken = set(re.findall(r"^(.+) BROKEN$", done.stdout, re.MULTILINE))
    assert broken or done.returncode == 0, done.stdout + done.stderr
    return done.returncode, broken


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the contracts are about."""
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "consent_service", tmp_path / "consent_service", ignore=leave)
    shutil.copytree(REPOSITORY / "clients/python", tmp_path / "clients/python", ignore=leave)
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


def plant(tree: Path, modules: dict[str, str]) -> None:
    for module, line in modules.items():
        root = tree / "clients/python" if module.startswith("consent_clients") else tree
        file = root.joinpath(*module.split(".")).with_suffix(".py")
        file.write_text(f'"""Planted."""\n\n{line}\n')


def test_the_contracts_hold() -> None:
    """The repository's own imports keep every contract."""
    assert lint(REPOSITORY) == (0, set())


def test_every_contract_is_tried() -> None:
    """No contract stands in pyproject.toml without a plant that it must find, and none was taken out of it."""
    assert {contract["name"] for contract in CONTRACTS} == PLANTS.keys()


@pytest.mark.parametrize("name", PLANTS)
def test_a_contract_finds_what_it_forbids(tree: Path, name: str) -> None:
    """lint-imports fails, by the contract's name, when the import it forbids is planted."""
    plant(tree, PLANTS[name])
    status, broken = lint(tree)
    assert status != 0
    assert name in broken


def test_a_room_that_the_layers_do_not_name_is_found(tree: Path) -> None:
    """A new folder or file beside the rooms fails until it has a place in their order."""
    plant(tree, {"consent_service.helpers": "import consent_service.clock"})
    assert lint(tree) == (1, {"Rooms import only downwards"})


def statements_outside_stores() -> Iterator[str]:
    for path in (REPOSITORY / "consent_service").rglob("*.py"):
        if path.name == "_store.py" or "storage" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("consent_service.storage"):
                names = {alias.name for alias in node.names}
                yield from (f"{path.name}: {name}" for name in names & {"Statement", "statement"})


def test_sql_stands_in_stores_alone() -> None:
    """What makes a statement is imported by storage and by a room's _store, and by nothing else."""
    assert list(statements_outside_stores()) == []
