"""An unsafe call by cookie counts only when it came from our own pages."""

from __future__ import annotations

import pytest

from consent_service.identity.origin import from_elsewhere, origin_of, same_origin

OURS = "https://consent.example.org"


@pytest.mark.parametrize("site", [None, "same-origin"])
def test_our_own_pages_may_post(site: str | None) -> None:
    """Our exact origin suffices, with the browser's own word for it or without."""
    assert same_origin(OURS, method="POST", origin=OURS, sec_fetch_site=site)


@pytest.mark.parametrize(
    ("origin", "site"),
    [
        (None, None),
        (None, "same-origin"),
        ("null", "same-origin"),
        ("", None),
        ("http://consent.example.org", None),
        ("https://consent.example.org:8443", None),
        ("https://consent.example.org.evil.example", None),
        ("https://evil.example", None),
        ("https://sub.consent.example.org", None),
        (f"{OURS}/", None),
        (f"{OURS}, {OURS}", None),
        (OURS, "cross-site"),
        (OURS, "same-site"),
        (OURS, "none"),
        (OURS, ""),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "post"])
def test_nobody_else_may(method: str, origin: str | None, site: str | None) -> None:
    """No origin, another one, or a browser that says otherwise: not ours."""
    assert not same_origin(OURS, method=method, origin=origin, sec_fetch_site=site)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_may_come_from_anywhere(method: str) -> None:
    """A link from elsewhere leads in: safe methods change nothing."""
    assert same_origin(OURS, method=method, origin="https://evil.example", sec_fetch_site="cross-site")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Consent.Example.org/path?x", OURS),
        ("https://consent.example.org:443", OURS),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://localhost:80", "http://localhost"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    """Lower case, no default port, no path."""
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("origin", "site", "elsewhere"),
    [
        (None, None, False),
        (OURS, "same-origin", False),
        (OURS, None, False),
        (None, "same-origin", False),
        ("https://evil.example", None, True),
        ("null", "cross-site", True),
        (None, "cross-site", True),
        (None, "same-site", True),
        (OURS, "cross-site", True),
        (f"{OURS}.evil.example", "same-origin", True),
    ],
)
def test_a_browser_tells_where_a_call_is_from_and_a_program_does_not(
    origin: str | None, site: str | None, elsewhere: bool
) -> None:
    """What another site sent is found out by either of its headers; silence is a program's."""
    assert from_elsewhere(OURS, method="POST", origin=origin, sec_fetch_site=site) == elsewhere
    assert not from_elsewhere(OURS, method="GET", origin=origin, sec_fetch_site=site)
