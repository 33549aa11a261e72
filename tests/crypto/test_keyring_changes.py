"""Versions come and go in the keyring's file, while processes hold it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from consent_service.crypto.envelope import new_key
from consent_service.crypto.keyring import KeyringUnfit, create_keyring, read_keyring
from consent_service.crypto.providers import KeyProviderDown, MasterVersion, UnwrapRefused

FIRST, SECOND = date(2026, 1, 1), date(2026, 6, 1)
CONTEXT = b"candidate key 1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the keyring is."""
    return tmp_path / "keyring.json"


async def test_a_version_is_added_beside_those_that_are_there(path: Path) -> None:
    """The new version wraps from then on, the old one still opens, and each keeps the day on which it was made."""
    keyring = create_keyring(path, FIRST)
    key = new_key()
    old = await keyring.wrap(key, CONTEXT)
    assert await keyring.add_version(SECOND) == MasterVersion(2, SECOND)
    new = await keyring.rewrap(old, CONTEXT)
    assert (keyring.version_of(old), keyring.version_of(new)) == (1, 2)
    again = read_keyring(path)
    assert [await again.unwrap(wrapped, CONTEXT) for wrapped in (old, new)] == [key, key]
    assert await again.versions() == [MasterVersion(1, FIRST), MasterVersion(2, SECOND)]
    assert _lies_alone(path)


async def test_a_version_is_removed_with_those_before_it(path: Path) -> None:
    """What was removed opens nothing, here or in another process, and the newest can't be removed."""
    keyring = create_keyring(path, FIRST)
    old = await keyring.wrap(new_key(), CONTEXT)
    other = read_keyring(path)
    await keyring.add_version(SECOND)
    await keyring.remove_through(1)
    assert await keyring.versions() == [MasterVersion(2, SECOND)]
    assert await other.versions() == [MasterVersion(2, SECOND)]
    for one in (keyring, other, read_keyring(path)):
        with pytest.raises(UnwrapRefused):
            await one.unwrap(old, CONTEXT)
    with pytest.raises(ValueError, match="newest"):
        await keyring.remove_through(2)
    await keyring.remove_through(1)  # again: nothing left to do


async def test_a_removed_key_is_overwritten_where_it_lay(path: Path) -> None:
    """Whoever still holds the old file open reads nothing in it."""
    keyring = create_keyring(path, FIRST)
    await keyring.add_version(SECOND)
    with path.open("rb") as before:
        await keyring.remove_through(1)
        assert set(before.read()) == {0}


async def test_a_process_meets_new_versions_without_a_restart(path: Path) -> None:
    """It opens what others wrapped under a version that it has not seen, and wraps under the newest itself."""
    running = create_keyring(path, FIRST)
    operator = read_keyring(path)
    await operator.add_version(SECOND)
    assert running.version_of(await running.wrap(new_key(), CONTEXT)) == 2
    await operator.add_version(SECOND)
    key = new_key()
    assert await running.unwrap(await operator.wrap(key, CONTEXT), CONTEXT) == key


async def test_a_version_that_has_not_arrived_is_waited_for(path: Path, tmp_path: Path) -> None:
    """A copy of the keyring that lags behind fails closed, and catches up when the file is put in place."""
    keyring = create_keyring(path, FIRST)
    elsewhere = tmp_path / "elsewhere" / "keyring.json"
    elsewhere.parent.mkdir()
    shutil.copy(path, elsewhere)
    behind = read_keyring(elsewhere)
    await keyring.add_version(SECOND)
    key = new_key()
    wrapped = await keyring.wrap(key, CONTEXT)
    with pytest.raises(KeyProviderDown):
        await behind.unwrap(wrapped, CONTEXT)
    shutil.copy(path, elsewhere)
    assert await behind.unwrap(wrapped, CONTEXT) == key


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("{}"), lambda path: path.chmod(0o644)])
async def test_a_file_that_went_bad_does_not_stop_a_running_process(path: Path, spoil: Callable[[Path], None]) -> None:
    """It goes on with the keys that it holds; a process that starts is refused."""
    running = create_keyring(path, FIRST)
    key = new_key()
    wrapped = await running.wrap(key, CONTEXT)
    spoil(path)
    assert await running.unwrap(wrapped, CONTEXT) == key
    assert await running.unwrap(await running.wrap(key, CONTEXT), CONTEXT) == key
    with pytest.raises(KeyringUnfit):
        read_keyring(path)


@pytest.mark.parametrize("versions", [0, 2])
async def test_another_keyring_in_its_place_is_not_taken(path: Path, tmp_path: Path, versions: int) -> None:
    """Nothing is ever wrapped under a key that is not the database's; the right one is taken again when it is back."""
    running = create_keyring(path, FIRST)
    await running.add_version(SECOND)
    wrapped = await running.wrap(new_key(), CONTEXT)
    (tmp_path / "other").mkdir()
    other = create_keyring(tmp_path / "other" / "keyring.json", FIRST)
    for _ in range(versions):
        await other.add_version(SECOND)
    shutil.copy(path, tmp_path / "right.json")
    shutil.copy(tmp_path / "other" / "keyring.json", path)
    meanwhile = await running.wrap(new_key(), CONTEXT)
    await running.unwrap(wrapped, CONTEXT)
    shutil.copy(tmp_path / "right.json", path)
    again = read_keyring(path)
    await again.unwrap(meanwhile, CONTEXT)
    await again.add_version(SECOND)
    assert running.version_of(await running.wrap(new_key(), CONTEXT)) == 3


async def test_an_older_copy_in_its_place_is_not_taken(path: Path, tmp_path: Path) -> None:
    """Somebody put last month's keyring back: a running process still opens what was wrapped since."""
    running = create_keyring(path, FIRST)
    shutil.copy(path, tmp_path / "before.json")
    await running.add_version(SECOND)
    wrapped = await running.wrap(new_key(), CONTEXT)
    shutil.copy(tmp_path / "before.json", path)
    await running.unwrap(wrapped, CONTEXT)
    assert running.version_of(await running.wrap(new_key(), CONTEXT)) == 2


async def test_what_a_crash_left_beside_is_dropped(path: Path) -> None:
    """A half-written file beside the keyring is not read, and does not keep the next version from being made."""
    keyring = create_keyring(path, FIRST)
    path.with_name(".keyring.json.new").write_text("half of")
    await keyring.add_version(SECOND)
    assert [one.version for one in await read_keyring(path).versions()] == [1, 2]
    assert _lies_alone(path)


async def test_two_operators_at_once_lose_no_version(path: Path) -> None:
    """Each adds to what the other wrote: nothing that was wrapped under either becomes unreadable."""
    one = create_keyring(path, FIRST)
    two = read_keyring(path)
    keys = []
    for keyring in (one, two, one, two):
        await keyring.add_version(SECOND)
        keys.append(await keyring.wrap(new_key(), CONTEXT))
    last = read_keyring(path)
    assert [last.version_of(wrapped) for wrapped in keys] == [2, 3, 4, 5]
    for wrapped in keys:
        await last.unwrap(wrapped, CONTEXT)


def _lies_alone(path: Path) -> bool:
    """Whether the file is its owner's alone, and nothing was left beside it."""
    return path.stat().st_mode & 0o777 == 0o600 and [entry.name for entry in path.parent.iterdir()] == [path.name]
