"""``openapi``: the contract as a document, the same that /openapi.json answers."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from consent_service.app.contract import document


def openapi(
    to: Annotated[Path | None, typer.Argument(help="The file to write; by default it is printed.")] = None,
) -> None:
    """Write the OpenAPI document. It needs no settings and no database, and is the same every time.

    Example: consent-service openapi openapi/openapi.json
    """
    text = orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"
    if to is None:
        typer.echo(text, nl=False)
    else:
        to.write_text(text)
