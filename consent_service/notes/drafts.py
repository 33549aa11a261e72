"""What keeps a draft closed on its way: a key whose halves are never in one place before the code is typed.

::

    draft key = HKDF(service half, scrypt(secret of the code, salt = draft id))

The service half is random for each draft and lies beside it, sealed with the waiting key; the code's secret is
nowhere in the service. So neither whoever has the database, nor whoever has its keys, nor the career centre that
wrote it can open a draft that nobody has claimed, and destroying the service half destroys the draft.
"""

import asyncio

from consent_service.clock import DAY
from consent_service.crypto.derivation import derive_key, stretched
from consent_service.crypto.envelope import aad

LIFETIME = 14 * DAY
"""How long a code can be used (µs)."""

_PURPOSE = "note draft 1"


async def draft_key(half: bytes, secret: str, draft_id: str) -> bytes:
    """The key of a draft. Some 50 ms in a thread, so that the secret's 55 bits can't be tried out: before any lock."""
    stretch = await asyncio.to_thread(stretched, secret, salt=draft_id.encode())
    return derive_key(half, stretch, purpose=_PURPOSE)


def half_aad(draft_id: str) -> bytes:
    """Binds the service half to its draft."""
    return aad(_PURPOSE, "service half", draft_id)


def content_aad(draft_id: str, unit_id: str) -> bytes:
    """Binds what the draft carries to it, and to the unit that wrote it."""
    return aad(_PURPOSE, "content", draft_id, unit_id)
