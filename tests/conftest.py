"""The parts that every room's tests may ask for: databases of both kinds, and a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.provision.chromium import browsing, get_chromium
from tests.provision.postgresql import Server, postgresql


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
