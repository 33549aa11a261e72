"""``/docs``: the OpenAPI document as one plain page. No script, nothing from elsewhere; off in production."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from starlette.responses import HTMLResponse, Response

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "article{border-top:1px solid #999;padding:.5rem 0}code{background:#eee;padding:0 .2rem}"
)
_POLICY = "default-src 'none'; style-src 'sha256-{}'; frame-ancestors 'none'; base-uri 'none'"


def docs_page(openapi: Mapping[str, Any]) -> Response:
    """Every operation with what it says of itself."""
    title = escape(openapi["info"]["title"])
    operations = "".join(_operation(path, method, said) for path, method, said in _operations(openapi))
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>{escape(openapi['info']['description'])}</p>"
        f'<p>As a document for machines: <a href="/openapi.json">openapi.json</a></p>{operations}</html>'
    )
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY.format(digest)})


def _operations(openapi: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in openapi["paths"].items():
        for method, said in methods.items():
            yield path, method.upper(), said


def _operation(path: str, method: str, said: Mapping[str, Any]) -> str:
    scope = f"<p>Scope: <code>{escape(said['x-scope'])}</code></p>" if "x-scope" in said else ""
    answers = "".join(
        f"<li><code>{escape(status)}</code> {escape(answer.get('description', ''))}</li>"
        for status, answer in sorted(said["responses"].items())
    )
    return (
        f"<article><h2><code>{method} {escape(path)}</code></h2><p>{escape(said.get('description', ''))}</p>"
        f"{scope}<ul>{answers}</ul></article>"
    )
