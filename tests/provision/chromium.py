"""A real browser for the tests of the candidate's pages: the system's Chromium, installed where it may be.

Playwright brings the driver only: a browser build of its own would be one more binary from one more host.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tests.provision.debian import install

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless",
    "--no-sandbox",  # root can't use Chromium's sandbox, and the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A page that asks any other host for anything fails: nothing of a candidate's visit may leak to one.
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


def find_chromium() -> Path | None:
    """Where the system's Chromium is, or None."""
    found = (shutil.which(name) for name in _NAMES)
    return next((Path(path) for path in found if path), None)


def get_chromium() -> Path:
    """The system's Chromium, installed first if this is root on a Debian. Raises RuntimeError otherwise."""
    found = find_chromium() or install("chromium", find_chromium)
    if found is None:
        raise RuntimeError(f"the browser tests need Chromium: install it so that one of {_NAMES} is on PATH")
    return found


@asynccontextmanager
async def browsing(chromium: Path) -> AsyncIterator[Browser]:
    """A browser until the block ends; it reaches 127.0.0.1 and localhost and nothing else."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium, args=list(_FLAGS))
        try:
            yield browser
        finally:
            await browser.close()
