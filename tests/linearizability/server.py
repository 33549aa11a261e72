"""``serve`` with a fault planted in it, to show that the checker sees it: ``python -m tests.linearizability.server``.

The fault is one that a hurried change might bring: an answer of the gate is kept for 5 ms and handed out again.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time

import uvicorn

from consent_service.app.assembly import assemble
from consent_service.app.doors import web_app
from consent_service.app.platform import platform_app
from consent_service.clock import SystemClock
from consent_service.consents.gate import Gate, Refused, ReleaseAsk, Released
from consent_service.settings import read

KEPT_SECONDS = 0.005


class ForgetfulGate(Gate):
    """A gate that remembers: what was released stays released for a moment."""

    _kept: dict[tuple[str, str], tuple[float, Released]]

    async def release(self, ask: ReleaseAsk) -> Released | Refused:
        """The answer, or one that was right a moment ago."""
        self._kept = getattr(self, "_kept", {})
        kept = self._kept.get((ask.consent_id, ask.unit_id))
        if kept is not None and time.monotonic() < kept[0]:
            return kept[1]
        answer = await super().release(ask)
        if isinstance(answer, Released):
            self._kept[ask.consent_id, ask.unit_id] = (time.monotonic() + KEPT_SECONDS, answer)
        return answer


async def serve() -> None:
    """As ``consent-service serve``, with the forgetful gate."""
    settings, clock = read(), SystemClock()
    service = await assemble(settings, clock)
    gate = ForgetfulGate(service.db, service.keys, service.desk, clock)
    service = dataclasses.replace(service, gate=gate)
    servers = [
        uvicorn.Server(uvicorn.Config(app, port=port, http="httptools", lifespan="off", log_config=None))
        for app, port in (
            (web_app(service), settings.port),
            (platform_app(service.db, service.metrics), settings.platform_port),
        )
    ]
    await asyncio.gather(*(server.serve() for server in servers))


if __name__ == "__main__":
    asyncio.run(serve())
