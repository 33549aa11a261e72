"""Reading what others answer over HTTP: never more of it than we take. They are not ours, and may send without end."""

from collections.abc import AsyncIterable


async def read_at_most(pieces: AsyncIterable[bytes], most: int) -> bytes | None:
    """The body that comes in ``pieces``; None, without reading on, once it has more than ``most`` bytes."""
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > most:
            return None
    return bytes(body)
