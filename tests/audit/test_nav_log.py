"""Where NAV's audit log goes, and that nothing is shown without its line."""

from __future__ import annotations

import asyncio
import re
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from consent_service.audit.nav_log import FAILED, NavLog, place_of
from consent_service.errors import Unavailable
from tests.audit.test_cef import KARI, shown


def nav_log(where: str) -> NavLog:
    """The log at ``where``."""
    return NavLog(place_of(where, product="consent service"), vendor="vendor", product="product")


def failed() -> float:
    """How many contents were not shown."""
    return next(sample.value for metric in FAILED.collect() for sample in metric.samples)


@asynccontextmanager
async def syslog(got: list[bytes], port: int = 0, *, lines: int = 1000) -> AsyncIterator[int]:
    """A syslog server, which hangs up after so many lines; its port."""
    calls: list[asyncio.Task[None] | None] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(asyncio.current_task())
        for _ in range(lines):
            if not (one := await reader.readline()):
                break
            got.append(one)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(take, "127.0.0.1", port)
    async with server:
        yield int(server.sockets[0].getsockname()[1])
        await asyncio.gather(*(call for call in calls if call is not None))


async def until(got: list[bytes], number: int) -> None:
    """So many lines have come."""
    async with asyncio.timeout(5):
        while len(got) < number:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.01)


async def test_a_file_is_its_owners_and_has_a_line_each(tmp_path: Path) -> None:
    """Two processes write whole lines into it, and begin a new one when it was moved away."""
    path = tmp_path / "nav.log"
    logs = [nav_log(f"file:{path}") for _ in range(2)]
    await asyncio.gather(*(log.record(shown(trace=str(number))) for number in range(20) for log in logs))
    lines = path.read_text().splitlines()
    assert len(lines) == 40
    assert all(one.startswith("CEF:0|vendor|product|") and f"duid={KARI}" in one for one in lines)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.rename(tmp_path / "old.log")
    await logs[0].record(shown())
    assert len(path.read_text().splitlines()) == 1


async def test_the_process_own_output(capsys: pytest.CaptureFixture[str]) -> None:
    """For one machine."""
    await nav_log("stdout").record(shown())
    assert capsys.readouterr().out.startswith("CEF:0|vendor|product|")


async def test_syslog_gets_a_line_a_message() -> None:
    """Over one connection, each after its priority (facility log audit), time, host and sender."""
    got: list[bytes] = []
    async with syslog(got) as port:
        log = nav_log(f"tcp://127.0.0.1:{port}")
        for number in range(3):
            await log.record(shown(trace=str(number)))
        await until(got, 3)
        await log.close()
    assert all(re.match(rb"<110>[A-Z][a-z]{2} \d\d [\d:]{8} \S+ consentservice: CEF:0\|vendor\|", one) for one in got)
    assert [re.findall(rb"cs3=(\d)", one) for one in got] == [[b"0"], [b"1"], [b"2"]]


async def test_a_server_that_hung_up_is_called_again() -> None:
    """No line is written to a connection that the other side has closed."""
    got: list[bytes] = []
    async with syslog(got, lines=1) as port:
        log = nav_log(f"tcp://127.0.0.1:{port}")
        for number in range(3):
            await log.record(shown(trace=str(number)))
            await until(got, number + 1)
            await asyncio.sleep(0.05)
        await log.close()
    assert len(got) == 3


@pytest.mark.parametrize("where", ["file:/nowhere/nav.log", "file:/dev/full", "tcp://127.0.0.1:1"])
async def test_without_its_line_nothing_is_shown(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A place that is not there, a disk that is full, a server that is down: a failure, an alarm, and no name in it."""
    before = failed()
    with pytest.raises(Unavailable) as refused:
        await nav_log(where).record(shown())
    assert failed() == before + 1
    assert KARI not in refused.value.detail + "".join(capsys.readouterr())
