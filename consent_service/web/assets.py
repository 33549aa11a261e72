"""The few files that pages refer to: a style sheet, two small scripts, an icon. Read once, named by their content.

The address carries the content's hash, so that a browser may keep a file for good and still never sees an old one.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from consent_service.errors import NotAvailable

_FOLDER: Final = Path(__file__).with_name("static")
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    media_type: str


@dataclass(frozen=True)
class Assets:
    """The files by address name, and the address name by file name."""

    files: Mapping[str, Asset]
    addresses: Mapping[str, str]

    def address(self, name: str) -> str:
        """Where ``name`` is found. Raises KeyError."""
        return self.addresses[name]


def load(folder: Path = _FOLDER) -> Assets:
    """Read every file in ``folder``."""
    files, addresses = {}, {}
    for file in sorted(folder.iterdir()):
        content = file.read_bytes()
        stamped = f"{file.stem}.{hashlib.sha256(content).hexdigest()[:16]}{file.suffix}"
        files[stamped] = Asset(content, _TYPES[file.suffix])
        addresses[file.name] = f"/static/{stamped}"
    return Assets(files, addresses)


def routes(assets: Assets) -> APIRouter:
    """The files' own addresses."""
    router = APIRouter(include_in_schema=False)

    @router.get("/static/{name}")
    async def asset(request: Request) -> Response:
        found = assets.files.get(request.path_params["name"])
        if found is None:
            raise NotAvailable
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(found.content, media_type=found.media_type, headers=headers)

    return router
