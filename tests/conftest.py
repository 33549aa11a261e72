"""The parts that every room's tests may ask for: databases of both kinds, and a browser."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.async_api import Browser, Page

from consent_service.app.migrate import migrate
from consent_service.storage.engine import Database
from consent_service.storage.opening import open_database
from tests.provision.chromium import browsing, get_chromium
from tests.provision.memory import folder_in_memory
from tests.provision.openbao import OpenBao, openbao
from tests.provision.postgresql import Server, apart, postgresql
from tests.provision.redis import Redis, redis

# A busy machine is not a failure of what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_configure() -> None:
    """``tmp_path`` lies in memory where there is room: a disk is waited for at every commit of SQLite."""
    memory = folder_in_memory()
    if memory is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """A real PostgreSQL for the whole session."""
    with postgresql() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql_server: Server) -> Iterator[str]:
    """A fresh, empty PostgreSQL database."""
    url = postgresql_server.create()
    yield url
    postgresql_server.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Both kinds of database, one after the other; parametrise it indirectly to have one alone."""
    kind: str = request.param
    return kind


@pytest.fixture
def database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, empty database of either kind."""
    if database_kind == "sqlite":
        return f"sqlite:///{tmp_path / 'consent.sqlite'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that nobody writes to: copying it is quicker than migrating again."""
    path = tmp_path_factory.mktemp("migrated") / "consent.sqlite"
    apart(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql_server: Server) -> Iterator[str]:
    """The same in PostgreSQL, as a template."""
    url = postgresql_server.create()
    apart(migrate(url))
    yield url
    postgresql_server.drop(url)


@pytest.fixture
def migrated_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database of either kind with the service's schema in it."""
    if database_kind == "sqlite":
        copy = shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "consent.sqlite")
        yield f"sqlite:///{copy}"
        return
    server: Server = request.getfixturevalue("postgresql_server")
    url = server.create(like=request.getfixturevalue("migrated_postgresql"))
    yield url
    server.drop(url)


@pytest.fixture
async def db(migrated_url: str) -> AsyncIterator[Database]:
    """An open, migrated database of either kind."""
    database = await open_database(migrated_url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def openbao_server() -> Iterator[OpenBao]:
    """A real key service for the whole session; who seals, kills or pauses it makes it well again."""
    with openbao() as server:
        yield server


@pytest.fixture(scope="session")
def redis_session() -> Iterator[Redis]:
    """A real Redis for the whole session."""
    with redis() as server:
        yield server


@pytest.fixture
def redis_server(redis_session: Redis) -> Redis:
    """The same, empty and well again."""
    redis_session.kill()
    redis_session.start()
    return redis_session


@pytest.fixture
async def early_in_the_minute() -> None:
    """Calls are counted by the machine's minutes: what is counted exactly does not begin at the end of one."""
    left = 60 - time.time() % 60
    if left < 5:
        await asyncio.sleep(left)


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """The system's Chromium, installed if need be."""
    return get_chromium()


@pytest.fixture
async def browser(chromium_path: Path) -> AsyncIterator[Browser]:
    """A browser that reaches loopback alone; make one context a person with ``browser.new_context()``."""
    async with browsing(chromium_path) as browser:
        yield browser


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A phone-sized page of a person of its own; the test fails if a script on it did."""
    context = await browser.new_context(viewport={"width": 390, "height": 844}, locale="nb-NO")
    page = await context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    await context.close()
    assert not failures, failures
