"""The templates' environment: everything is escaped, and a name that is not there is an error, not a gap."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from consent_service.consents.purposes import Provision
from consent_service.web.words import as_json

_FOLDER: Final = Path(__file__).with_name("templates")


def environment() -> Environment:
    """A fresh environment over the templates that are shipped."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["as_json"] = as_json
    made.filters["provisions"] = _provisions
    return made


def _provisions(provisions: Iterable[Provision]) -> str:
    return "; ".join(f"{one.law} {one.provision}" for one in provisions)
