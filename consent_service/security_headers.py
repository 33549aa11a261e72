"""What every answer tells a browser that it may not do: all of it in one place.

``SecurityHeaders`` (``app.frame``) fills in what an answer does not say itself, and what it fills in is the strictest.
The few answers that are something to a browser say so with one of the others here. No policy admits inline script or
anything from elsewhere; nothing may be shown in a frame, but for what ID-porten shows in its own to log people out.
``Cache-Control: no-store`` is the rule, and a public document the exception that says so itself.
"""

from collections.abc import Mapping
from typing import Final

_IN_NO_FRAME: Final = "frame-ancestors 'none'; base-uri 'none'"

EVERYWHERE: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; {_IN_NO_FRAME}; form-action 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
OVER_TLS: Final[Mapping[str, str]] = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}

# The Origin of a form is only sent truly when the referrer policy lets our own pages see each other.
PAGE: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; {_IN_NO_FRAME}"
    ),
    "Referrer-Policy": "same-origin",
}
DOWNLOAD: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


def page_with_style(digest: str) -> Mapping[str, str]:
    """A page without script whose one inline style has this hash (SHA-256, base64)."""
    return {"Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; {_IN_NO_FRAME}"}


def framed_by(origin: str) -> Mapping[str, str]:
    """An empty answer that ``origin`` may show in a frame of its own (OpenID Connect Front-Channel Logout)."""
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": f"default-src 'none'; frame-ancestors {origin}",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
