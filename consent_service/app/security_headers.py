"""The header fields that every answer carries, in one place.

A route that says something else itself (a page's own content security policy, a cache time for public keys)
is left alone: this layer only fills in what is absent, and what it fills in is the strictest.
``Cache-Control: no-store`` is therefore the rule, and a public document the exception that says so.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
_OVER_TLS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class SecurityHeaders:
    """Fill in what an answer does not say itself. ``tls``: whether the public address is https."""

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        """Frame ``app``."""
        self._app = app
        self._fields = (*_ALWAYS, _OVER_TLS) if tls else _ALWAYS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                said = {name for name, _ in headers}
                headers.extend(field for field in self._fields if field[0] not in said)
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, send_with_headers)
