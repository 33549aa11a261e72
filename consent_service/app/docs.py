"""Plain pages for those who write clients: ``/docs``, off in production, and ``/problems/<slug>``.

No script, nothing from elsewhere. A problem's page is where its ``type`` leads, so it is there in production too.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from starlette.responses import HTMLResponse, Response

from consent_service.app.problems import Problem
from consent_service.security_headers import page_with_style

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "article{border-top:1px solid #999;padding:.5rem 0}code{background:#eee;padding:0 .2rem}"
)


def docs_page(openapi: Mapping[str, Any]) -> Response:
    """Every operation with what it says of itself."""
    operations = "".join(_operation(path, method, said) for path, method, said in _operations(openapi))
    machines = '<p>As a document for machines: <a href="/openapi.json">openapi.json</a></p>'
    about = f"<p>{escape(openapi['info']['description'])}</p>"
    return _page(openapi["info"]["title"], about + machines + operations)


def problem_page(problem: Problem, detail: str) -> Response:
    """What one type of problem means."""
    return _page(problem.title, f"<p>Status <code>{problem.status}</code></p><p>{escape(detail)}</p>")


def _page(title: str, body: str) -> Response:
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
    page = f"{head}<h1>{escape(title)}</h1>{body}</html>"
    return HTMLResponse(page, headers=page_with_style(digest))


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
