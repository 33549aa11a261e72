"""Serving as a process: it starts, answers on both ports, and ends in order when it is told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from consent_service.cli.demo_processes import free_ports
from tests.support.issuers import key

_PATIENCE = 30.0


@contextmanager
def _serving(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    port, platform = free_ports(2)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CONSENT_", "DIGIPOST_"))}
    environment = {
        **inherited,
        "CONSENT_ENVIRONMENT": "test",
        "CONSENT_DATABASE_URL": f"sqlite:///{folder / 'consent.db'}",
        "CONSENT_KEYRING": str(folder / "keyring.json"),
        "CONSENT_PORT": str(port),
        "CONSENT_PLATFORM_PORT": str(platform),
        "IDPORTEN_ISSUER": "http://127.0.0.1:9",
        "IDPORTEN_WELL_KNOWN_URL": "http://127.0.0.1:9/.well-known/openid-configuration",
        "IDPORTEN_CLIENT_ID": "consent-service",
        "IDPORTEN_CLIENT_JWK": json.dumps(key("ours").private_jwk),
        "IDPORTEN_REDIRECT_URI": f"http://127.0.0.1:{port}/login/callback",
        "IDPORTEN_AUDIENCE": f"http://127.0.0.1:{port}",
        "MASKINPORTEN_ISSUER": "http://127.0.0.1:9/",
        "MASKINPORTEN_JWKS_URI": "http://127.0.0.1:9/jwks",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "consent_service.cli.main", *words], env=environment, stdout=log, stderr=log
        )
    try:
        yield process, port, platform
    finally:
        process.kill()
        process.wait()


def _until_ready(process: subprocess.Popen[bytes], platform: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, "the process ended"
        try:
            if httpx.get(f"http://127.0.0.1:{platform}/isready").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail("the process was never ready")


def test_it_answers_and_ends(tmp_path: Path) -> None:
    """Both ports answer; SIGTERM ends it with 0; every line on standard output is JSON."""
    with _serving(tmp_path, "serve", "--no-worker") as (process, port, platform):
        _until_ready(process, platform)
        assert httpx.get(f"http://127.0.0.1:{port}/v1/purposes").status_code == 200
        assert httpx.get(f"http://127.0.0.1:{port}/isalive").status_code == 404
        assert httpx.get(f"http://127.0.0.1:{platform}/v1/purposes").status_code == 404
        page = httpx.get(f"http://127.0.0.1:{port}/nowhere", headers={"Accept": "text/html"})
        assert page.headers["content-type"].startswith("text/html")
        # A unit's call while the issuer is down: not our caller's fault, and not a reason to stop.
        token = key("nav").jwt({"iss": "http://127.0.0.1:9/"})
        down = httpx.get(f"http://127.0.0.1:{port}/v1/consents", headers={"Authorization": f"Bearer {token}"})
        assert (down.status_code, down.json()["type"]) == (503, "/problems/unavailable")
        process.send_signal(signal.SIGTERM)
        assert process.wait(_PATIENCE) == 0
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {"serving", "request", "ended"} <= {line["event"] for line in lines}


def test_a_port_that_is_taken_ends_it(tmp_path: Path) -> None:
    """Half a service is none: if one of the ports can't be had, the process ends and says so."""
    with _serving(tmp_path, "serve", "--no-worker") as (process, _, platform):
        _until_ready(process, platform)
        second = subprocess.run(
            [sys.executable, "-m", "consent_service.cli.main", "serve", "--no-worker"],
            env={
                **_environment_of(process),
                "CONSENT_PLATFORM_PORT": str(free_ports(1)[0]),
            },
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
        assert second.returncode != 0
        assert process.poll() is None


def _environment_of(process: subprocess.Popen[bytes]) -> dict[str, str]:
    raw = Path(f"/proc/{process.pid}/environ").read_text()
    return dict(item.split("=", 1) for item in raw.split("\0") if "=" in item)


def test_a_worker_needs_a_mailbox(tmp_path: Path) -> None:
    """On SQLite a worker runs inside by default; without Digipost's settings that is said, by name."""
    with _serving(tmp_path, "serve") as (process, _, _):
        assert process.wait(_PATIENCE) == 3
    assert "DIGIPOST_URL is not set" in (tmp_path / "log").read_text()
