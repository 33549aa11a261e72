"""What must be true of the repository's files, whoever edits them."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
LOCKS = ("requirements-build.lock", "requirements.lock", "requirements-test.lock")

# The service and its contract; then what tools demand, each by its own name.
TOP_LEVEL = {
    "consent_service",
    "clients",
    "tests",
    "openapi",
    "Dockerfile",
    "pyproject.toml",
    "README.md",
    ".ci",
    ".dockerignore",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    *LOCKS,
}
# Put together here, since this file is searched too.
REGISTRIES = [
    ".".join(labels) for labels in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"))
]
OF_ONE_MACHINE = re.compile(r"(?<![\w.}])/(?:" + "|".join(("home", "root", "tmp", "Users", "work", "private")) + ")/")
NAMELESS = {"base", "common", "core", "handlers", "helpers", "manager", "misc", "service", "utils"}


def repository_files() -> list[Path]:
    """Every file that is committed or would be."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (REPOSITORY / name for name in listing.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def texts() -> Iterator[tuple[Path, str]]:
    for path in repository_files():
        try:
            yield path.relative_to(REPOSITORY), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a font, a picture
            continue


def python_files(folder: str) -> list[Path]:
    return [path for path in repository_files() if path.suffix == ".py" and path.is_relative_to(REPOSITORY / folder)]


def metadata(folder: str = ".") -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / folder / "pyproject.toml").read_text())


def locked(lock: str) -> dict[str, str]:
    """A lock's requirements: normalised name -> everything that stands with it."""
    requirements = re.split(r"^(?=[a-z0-9])", (REPOSITORY / lock).read_text(), flags=re.MULTILINE)
    return {re.split(r"[\[=]", text)[0]: text for text in requirements if text.strip()}


def names(dependencies: list[Any]) -> set[str]:
    found = (re.match(r"[\w.-]+", dependency) for dependency in dependencies if isinstance(dependency, str))
    return {re.sub(r"[-_.]+", "-", name[0]).lower() for name in found if name}


def test_the_top_level_has_nothing_else() -> None:
    """A stranger who opens the repository sees the service, its clients, tests and contract, and tools' files."""
    assert {path.relative_to(REPOSITORY).parts[0] for path in repository_files()} <= TOP_LEVEL


def test_no_file_names_a_registry() -> None:
    """Any mirror serves: no file has the host of a package registry, and no lock file of another tool does."""
    found = [(path, host) for path, text in texts() for host in REGISTRIES if host in text]
    assert found == []
    assert not list(REPOSITORY.glob("**/uv.lock"))


def test_no_file_names_a_place_on_one_machine() -> None:
    """No file has an absolute path below a home or temporary folder, nor the path it is checked out at."""
    found = [
        (path, match[0])
        for path, text in texts()
        for match in (OF_ONE_MACHINE.search(text), re.search(re.escape(str(REPOSITORY)) + r"\b", text))
        if match
    ]
    assert found == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_requirement_has_hashes(lock: str) -> None:
    """A lock has an exact version and a hash of every requirement, and no option that names an index."""
    requirements = locked(lock)
    assert requirements
    for name, text in requirements.items():
        assert re.match(r"\S+==\S+", text), name
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", text), name
    assert not re.search(r"^\s*-[-a-z]+", (REPOSITORY / lock).read_text().replace("    --hash=", ""), re.MULTILINE)


def test_the_locks_have_what_the_packages_ask_for() -> None:
    """What pyproject.toml and the clients ask for is locked; an edit without ``make lock`` fails here."""
    own, clients = metadata(), metadata("clients/python")
    run, test = locked("requirements.lock").keys(), locked("requirements-test.lock").keys()
    assert names(own["project"]["dependencies"]) <= run
    assert names(clients["project"]["dependencies"]) <= run
    assert names(own["dependency-groups"]["build"]) <= locked("requirements-build.lock").keys()
    assert names(own["dependency-groups"]["test"]) <= test
    assert run <= test


def test_every_dependency_has_its_reason() -> None:
    """Each dependency of the service stands on a line of its own, with why it is there."""
    text = (REPOSITORY / "pyproject.toml").read_text()
    (block,) = re.findall(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    for line in block.splitlines():
        assert re.fullmatch(r'    "[^"]+",\s+# .+', line), line


def test_the_licence_is_mit() -> None:
    """The licence file is the one that the metadata names."""
    assert metadata()["project"]["license"] == "MIT"
    assert (REPOSITORY / "LICENSE").read_text().startswith("MIT License\n")


def test_continuous_integration_runs_make_test_alone() -> None:
    """What CI runs is what anybody runs."""
    lines = (REPOSITORY / ".ci/run").read_text().splitlines()
    assert lines == ["#!/usr/bin/env bash", "set -eu", 'cd "$(dirname "$0")/.."', "exec make test"]


def test_every_test_states_what_is_true() -> None:
    """Each test function has a docstring."""
    without = [
        f"{path.relative_to(REPOSITORY)}: {node.name}"
        for path in python_files("tests")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert without == []


def test_files_are_named_by_what_they_are_about_and_stay_short() -> None:
    """A file of the service or its clients is a noun or verb of the domain, under 300 lines.

    Revisions of the schema are drafted by a tool, one table after another, and are never changed once released.
    """
    for path in [*python_files("consent_service"), *python_files("clients")]:
        if path.parent.name == "versions":
            continue
        assert path.stem not in NAMELESS, path
        assert len(path.read_text().splitlines()) < 300, path
