"""The local keyring: a file that is the service's alone, made once, and a provider that never hands out its keys."""

from __future__ import annotations

import base64
import json
import os
import pwd
from datetime import date
from pathlib import Path

import pytest

from consent_service.crypto.envelope import new_key
from consent_service.crypto.keyring import KeyringUnfit, LocalKeyring, create_keyring, read_keyring
from consent_service.crypto.providers import KeyProviderDown, MasterVersion, UnwrapRefused

TODAY = date(2026, 11, 21)


def written(path: Path, *keys: object, format_: object = 1, mode: int = 0o600) -> Path:
    """A keyring file made by hand."""
    path.write_text(json.dumps({"format": format_, "keys": keys}))
    path.chmod(mode)
    return path


def item(version: object = 1, key: bytes = bytes(32)) -> dict[str, object]:
    return {"version": version, "key": base64.b64encode(key).decode(), "created": "2026-11-21"}


async def test_a_keyring_that_was_made_reads_back_as_the_same_keys(tmp_path: Path) -> None:
    """What the one wrapped, the other unwraps, for the same context."""
    made = create_keyring(tmp_path / "keyring", TODAY)
    read = read_keyring(tmp_path / "keyring")
    key = new_key()
    assert await read.unwrap(await made.wrap(key, b"context"), b"context") == key
    assert await read.versions() == [MasterVersion(1, TODAY)]


def test_a_keyring_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """Nobody else may read or write it, whatever the umask; it says when its key was made."""
    previous = os.umask(0)
    try:
        create_keyring(tmp_path / "keyring", TODAY)
    finally:
        os.umask(previous)
    assert (tmp_path / "keyring").stat().st_mode & 0o7777 == 0o600
    content = json.loads((tmp_path / "keyring").read_text())
    assert content["format"] == 1
    (only,) = content["keys"]
    assert (only["version"], only["created"]) == (1, "2026-11-21")


def test_a_keyring_is_never_replaced(tmp_path: Path) -> None:
    """Neither a file nor a link that leads elsewhere is written over: what it wraps would be lost."""
    path = tmp_path / "keyring"
    create_keyring(path, TODAY)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        create_keyring(path, TODAY)
    assert path.read_bytes() == before
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        create_keyring(tmp_path / "link", TODAY)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("mode", [0o601, 0o602, 0o604, 0o610, 0o620, 0o640, 0o644, 0o666])
def test_a_keyring_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    """Each right of the group or of everybody is one too many; the message says what to do."""
    with pytest.raises(KeyringUnfit, match="chmod 600"):
        read_keyring(written(tmp_path / "keyring", item(), mode=mode))


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_keyring_of_its_owner_alone_is_read(tmp_path: Path, mode: int) -> None:
    """Also when not even the owner may write."""
    assert repr(read_keyring(written(tmp_path / "keyring", item(), mode=mode))) == "LocalKeyring(versions=[1])"


def test_another_users_keyring_is_refused(tmp_path: Path) -> None:
    """Its owner could read and replace it. Root, who may open anything, is told so; anybody else can't open it."""
    anothers = Path("/proc/1/environ")  # the first process's own, for a test that does not run as root
    if os.geteuid() == 0:
        anothers = written(tmp_path / "keyring", item())
        os.chown(anothers, pwd.getpwnam("nobody").pw_uid, -1)
    with pytest.raises(KeyringUnfit, match=r"another user's|can't be opened"):
        read_keyring(anothers)


def test_a_link_is_refused(tmp_path: Path) -> None:
    """Whoever may change the link would choose the keys."""
    written(tmp_path / "keyring", item())
    (tmp_path / "link").symlink_to(tmp_path / "keyring")
    with pytest.raises(KeyringUnfit, match="link"):
        read_keyring(tmp_path / "link")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder; a pipe, which nobody waits for; nothing at all, with what to do about it."""
    with pytest.raises(KeyringUnfit, match="not a file"):
        read_keyring(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(KeyringUnfit, match="not a file"):
        read_keyring(tmp_path / "pipe")
    with pytest.raises(KeyringUnfit, match="keys init"):
        read_keyring(tmp_path / "absent")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"format": 1}',
        b'{"format": 1, "keys": []}',
        b'{"format": 1, "keys": "keys"}',
        b'{"format": 1, "keys": [1]}',
        b'{"format": 1, "keys": [{"version": 1}]}',
        b'{"format": 1, "keys": [{"version": "one", "key": "", "created": "2026-11-21"}]}',
        json.dumps({"format": 2, "keys": [item()]}).encode(),
        json.dumps({"format": 1, "keys": [item(), item(2, bytes(31))]}).encode(),
        json.dumps({"format": 1, "keys": [item(1), item(1, b"\x01" * 32)]}).encode(),
        json.dumps({"format": 1, "keys": [item(-1)]}).encode(),
        json.dumps({"format": 1, "keys": [item(2**32)]}).encode(),
        json.dumps({"format": 1, "keys": [item() | {"key": "not base64!" * 4}]}).encode(),
        json.dumps({"format": 1, "keys": [item() | {"created": "today"}]}).encode(),
    ],
)
def test_what_is_not_a_keyring_is_refused_without_its_content(tmp_path: Path, content: bytes) -> None:
    """Another format, a key of another length, a version twice or out of range: one message, which shows no key."""
    path = tmp_path / "keyring"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyringUnfit) as raised:
        read_keyring(path)
    assert str(raised.value) == f"The file at {path} is not a keyring of format 1."
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


async def test_the_highest_version_wraps_and_each_unwraps_its_own() -> None:
    """Rotation: what the older version wrapped still opens, and tells that it is the older version's."""
    old, new = new_key(), new_key()
    before, after = LocalKeyring({1: old}), LocalKeyring({2: new, 1: old})
    key = new_key()
    first, second = await before.wrap(key, b"c"), await after.wrap(key, b"c")
    assert (after.version_of(first), after.version_of(second)) == (1, 2)
    assert await after.unwrap(first, b"c") == await after.unwrap(second, b"c") == key
    again = await after.rewrap(first, b"c")
    assert (after.version_of(again), await after.unwrap(again, b"c")) == (2, key)


async def test_a_wrapped_key_opens_for_its_master_and_context_alone() -> None:
    """Another master key, another context, another version before it, or a changed byte: refused."""
    one, other = new_key(), new_key()
    ring = LocalKeyring({1: one, 2: one})
    wrapped = await ring.wrap(new_key(), b"context")
    for provider, changed, context in [
        (LocalKeyring({2: other}), wrapped, b"context"),
        (ring, wrapped, b"contexts"),
        (ring, wrapped, b""),
        (ring, (1).to_bytes(4, "big") + wrapped[4:], b"context"),
        (ring, wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"context"),
        (ring, wrapped[:4], b"context"),
        (ring, b"", b"context"),
    ]:
        with pytest.raises(UnwrapRefused):
            await provider.unwrap(changed, context)


async def test_a_newer_master_version_than_the_file_has_is_waited_for() -> None:
    """Another process may have rotated already: the key is not refused for good, it can't be had just now."""
    key = new_key()
    wrapped = await LocalKeyring({1: new_key(), 2: key}).wrap(new_key(), b"c")
    with pytest.raises(KeyProviderDown):
        await LocalKeyring({1: new_key()}).unwrap(wrapped, b"c")


def test_no_key_is_shown() -> None:
    """A log line or a traceback that has the keyring in it names versions alone."""
    key = new_key()
    shown = f"{LocalKeyring({7: key})!r} {LocalKeyring({7: key})!s}"
    assert shown == "LocalKeyring(versions=[7]) LocalKeyring(versions=[7])"
