"""The transit provider against a real OpenBao server: well, sealed, killed, paused, and with a token that ran out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from consent_service.crypto.breaker import Breaker
from consent_service.crypto.envelope import new_key
from consent_service.crypto.providers import KeyProviderDown, KeysUnfit, UnwrapRefused
from consent_service.crypto.transit import Place, Transit
from tests.provision.openbao import MOUNT, OpenBao

CONTEXT, OTHER = b"candidate key 1", b"candidate key 2"
TODAY = date(2026, 11, 21)


@dataclass
class Line:
    """A key of its own, and the line to it."""

    bao: OpenBao
    place: Place

    @property
    def operator(self) -> Transit:
        """A line whose token may rotate and retire."""
        return self.operator_of(self.place.key)

    def operator_of(self, key: str) -> Transit:
        """The same, to another key."""
        token = self.place.token_file.with_name("operator")
        token.write_text(self.bao.root)
        return Transit(Place(self.place.url, MOUNT, key, token))


@pytest.fixture
def line(openbao_server: OpenBao, tmp_path: Path) -> Iterator[Line]:
    """A fresh key, and a token that may use it."""
    name = f"key-{uuid.uuid4()}"
    openbao_server.make_key(name)
    token = tmp_path / "token"
    token.write_text(openbao_server.token(name))
    yield Line(openbao_server, Place(openbao_server.url, MOUNT, name, token))
    openbao_server.well()


async def test_a_key_comes_back_for_its_own_context_alone(line: Line) -> None:
    """Wrapped keys differ each time and open for their context; another context, a flipped byte, rubbish: refused."""
    transit, key = Transit(line.place), new_key()
    await transit.demand_fit()
    wrapped = await transit.wrap(key, CONTEXT)
    assert wrapped != await transit.wrap(key, CONTEXT)
    assert await transit.unwrap(wrapped, CONTEXT) == key
    assert transit.version_of(wrapped) == 1
    flipped = wrapped[:-8] + (b"A" if wrapped[-8:-7] != b"A" else b"B") + wrapped[-7:]
    for bad, context in (
        (wrapped, OTHER),
        (flipped, CONTEXT),
        (wrapped.replace(b"v1", b"v2"), CONTEXT),
        (b"vault:v1:AAAA", CONTEXT),
        (b"rubbish", CONTEXT),
        (b"", CONTEXT),
    ):
        with pytest.raises(UnwrapRefused):
            await transit.unwrap(bad, context)
        with pytest.raises(UnwrapRefused):
            await transit.rewrap(bad, context)


async def test_rotation_and_retirement(line: Line) -> None:
    """A new version wraps, the old one opens until it is retired, and then nothing opens under it, for anybody."""
    transit, operator, key = Transit(line.place), line.operator, new_key()
    old = await transit.wrap(key, CONTEXT)
    assert (await operator.add_version(TODAY)).version == 2
    moved = await transit.rewrap(old, CONTEXT)
    assert transit.version_of(moved) == 2
    assert [await transit.unwrap(one, CONTEXT) for one in (old, moved)] == [key, key]
    with pytest.raises(ValueError, match="newest"):
        await operator.remove_through(2)
    await operator.remove_through(1)
    await operator.remove_through(1)
    assert [one.version for one in await transit.versions()] == [2]
    with pytest.raises(UnwrapRefused):
        await transit.unwrap(old, CONTEXT)
    assert await transit.unwrap(moved, CONTEXT) == key
    await operator.add_version(TODAY)
    assert transit.version_of(await transit.wrap(key, CONTEXT)) == 3


async def test_the_services_own_token_can_neither_rotate_nor_retire(line: Line) -> None:
    """What an attacker inside the service could do with its token ends at using the key."""
    transit = Transit(line.place)
    with pytest.raises(KeyProviderDown):
        await transit.add_version(TODAY)
    await line.operator.add_version(TODAY)
    with pytest.raises(KeyProviderDown):
        await transit.remove_through(1)
    assert [one.version for one in await transit.versions()] == [1, 2]


async def test_only_a_key_to_be_trusted_is_used(line: Line) -> None:
    """A key that is missing, bound to no context, or can be copied out is not fit; ``make`` makes a fit one."""
    for how in ({"derived": False}, {"exportable": True}, {"allow_plaintext_backup": True}):
        name = f"key-{uuid.uuid4()}"
        line.bao.make_key(name, **how)
        with pytest.raises(KeysUnfit, match="must be of type"):
            await line.operator_of(name).demand_fit()
    absent = line.operator_of(f"key-{uuid.uuid4()}")
    with pytest.raises(KeysUnfit, match="There is no transit key"):
        await absent.demand_fit()
    await absent.make()
    await absent.make()
    await absent.demand_fit()
    assert [one.version for one in await absent.versions()] == [1]


async def test_a_token_that_ran_out_is_renewed_without_a_restart(line: Line) -> None:
    """The token's file is read for each call: whoever renews it need not tell the process."""
    transit = Transit(line.place)
    wrapped = await transit.wrap(new_key(), CONTEXT)
    good = line.place.token_file.read_text()
    for bad in ("s.not-a-token", ""):
        line.place.token_file.write_text(bad)
        for _ in range(3):
            with pytest.raises(KeyProviderDown):
                await transit.unwrap(wrapped, CONTEXT)
    line.place.token_file.unlink()
    with pytest.raises(KeyProviderDown):
        await transit.unwrap(wrapped, CONTEXT)
    line.place.token_file.write_text(good + "\n")
    await transit.unwrap(wrapped, CONTEXT)


@pytest.mark.parametrize("down", [OpenBao.seal, OpenBao.kill, OpenBao.pause])
async def test_a_server_that_is_down_is_not_waited_for_again_and_again(
    line: Line, down: Callable[[OpenBao], None]
) -> None:
    """Each call ends within two seconds, those after the first two at once; and it recovers without a restart."""
    transit, key = Transit(line.place), new_key()
    wrapped = await transit.wrap(key, CONTEXT)
    down(line.bao)
    took = []
    for _ in range(6):
        began = time.monotonic()
        with pytest.raises(KeyProviderDown):
            await transit.unwrap(wrapped, CONTEXT)
        took.append(time.monotonic() - began)
    assert max(took) < 3, took
    assert max(took[3:]) < 0.5, took
    line.bao.well()  # in this thread: the server dies with the thread that started it
    deadline = time.monotonic() + 20
    while True:
        try:
            assert await transit.unwrap(wrapped, CONTEXT) == key
        except KeyProviderDown:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
        else:
            return


ODD_ANSWERS = {
    "500": (500, b'{"errors": ["internal error"]}'),
    "502 of a proxy": (502, b"<html>Bad Gateway</html>"),
    "503 in maintenance": (503, b'{"errors": ["Vault is sealed"]}'),
    "429": (429, b'{"errors": ["rate limit quota exceeded"]}'),
    "404 of a proxy": (404, b"<html>Not Found</html>"),
    "404 of another path": (404, b'{"errors": ["no handler for route"]}'),
    "400 of a proxy": (400, b"<html>Bad Request</html>"),
    "a redirect": (307, b""),
    "a page": (200, b"<html>Log in</html>"),
    "nothing": (204, b""),
    "another document": (200, b'{"status": "ok"}'),
    "no object": (200, b"[]"),
    "no base64": (200, b'{"data": {"plaintext": "***", "ciphertext": "***", "keys": [], "type": "x"}}'),
    "cut": (200, None),
}


@pytest.mark.parametrize("answer", ODD_ANSWERS)
async def test_whoever_else_answers_is_the_key_service_being_down(line: Line, answer: str) -> None:
    """A fault of the server's, or of something in between, is never taken for its word about a key."""
    wrapped = await Transit(line.place).wrap(new_key(), CONTEXT)
    async with answering(*ODD_ANSWERS[answer]) as url:
        transit = Transit(Place(url, MOUNT, line.place.key, line.place.token_file), breaker=Breaker(lambda: 0.0))
        for call in (transit.unwrap(wrapped, CONTEXT), transit.wrap(new_key(), CONTEXT)):
            with pytest.raises(KeyProviderDown):
                await call
    async with answering(*ODD_ANSWERS[answer]) as url:
        transit = Transit(Place(url, MOUNT, line.place.key, line.place.token_file))
        with pytest.raises((KeyProviderDown, KeysUnfit)):
            await transit.demand_fit()


@contextlib.asynccontextmanager
async def answering(status: int, body: bytes | None) -> AsyncIterator[str]:
    """Somebody at an address who answers everything alike; ``None`` ends in the middle of an answer."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            length = 100 if body is None else len(body)
            writer.write(f"HTTP/1.1 {status} Said\r\nLocation: /elsewhere\r\nContent-Length: {length}\r\n\r\n".encode())
            writer.write(b'{"data"' if body is None else body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_another_key_of_the_service_opens_nothing(line: Line) -> None:
    """A key made anew under the same name, or another one's name in the settings: refused, and not tried again."""
    wrapped = await Transit(line.place).wrap(new_key(), CONTEXT)
    name = f"key-{uuid.uuid4()}"
    line.bao.make_key(name)
    with pytest.raises(UnwrapRefused):
        await line.operator_of(name).unwrap(wrapped, CONTEXT)


async def test_many_at_once_wait_together(line: Line) -> None:
    """Fifty calls to a paused server take no longer than one does."""
    transit = Transit(line.place)
    wrapped = await transit.wrap(new_key(), CONTEXT)
    line.bao.pause()
    began = time.monotonic()
    answers = await asyncio.gather(*(transit.unwrap(wrapped, CONTEXT) for _ in range(50)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {KeyProviderDown}
    assert time.monotonic() - began < 4


async def test_a_proxy_of_the_environment_sees_nothing(line: Line) -> None:
    """Keys go to the key service and to nobody in between, whatever the environment says."""
    os.environ["HTTP_PROXY"] = os.environ["http_proxy"] = "http://127.0.0.1:9"
    try:
        transit = Transit(line.place)
        await transit.unwrap(await transit.wrap(new_key(), CONTEXT), CONTEXT)
    finally:
        del os.environ["HTTP_PROXY"], os.environ["http_proxy"]


async def test_where_tls_is_demanded_nothing_else_will_do(line: Line) -> None:
    """A server that shows no certificate gets neither a token nor a key."""
    place = Place(line.place.url.replace("http:", "https:"), MOUNT, line.place.key, line.place.token_file)
    with pytest.raises(KeyProviderDown):
        await Transit(place).wrap(new_key(), CONTEXT)
