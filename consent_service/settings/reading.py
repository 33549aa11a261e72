"""Reading the settings, once, from the environment.

The rule: a ``CONSENT_`` or ``DIGIPOST_`` variable that is no setting refuses to start, by its name, so that a misspelt
setting is never a setting left out; and no message repeats a value.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from consent_service.settings.checked import Settings
from consent_service.settings.variables import Environment, Variables

CLOSED_PREFIXES = ("CONSENT_", "DIGIPOST_")
SECRETS_DIR = "CONSENT_SECRETS_DIR"


class Misconfigured(Exception):
    """The settings can't be used; ``problems`` has one sentence for each, without any value."""

    def __init__(self, *problems: str) -> None:
        """Carry ``problems``."""
        super().__init__("\n".join(problems))
        self.problems = problems


VARIABLES = frozenset(str(field.validation_alias) for field in Variables.model_fields.values())
"""The names of every setting."""


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings that ``environ`` (the process's own environment when None) makes.

    Raises Misconfigured with every reason at once, each naming its variable and never a value.
    """
    given = dict(os.environ if environ is None else environ)
    unknown = sorted(
        name for name in given if name.startswith(CLOSED_PREFIXES) and name not in VARIABLES | {SECRETS_DIR}
    )
    if unknown:
        raise Misconfigured(*(f"{name} is not a setting of this service" for name in unknown))
    secrets_dir = given.get(SECRETS_DIR)
    if secrets_dir is not None and not Path(secrets_dir).is_dir():
        raise Misconfigured(f"{SECRETS_DIR} names no folder")
    values: dict[str, Any] = {name: given[name] for name in VARIABLES if given.get(name)}
    try:
        return Settings(_secrets_dir=secrets_dir, **values)
    except ValidationError as invalid:
        raise Misconfigured(*(_sentence(error) for error in invalid.errors(include_input=False))) from None


def _sentence(error: Any) -> str:
    """One validation error as a sentence that names the variable and repeats no value."""
    where = ".".join(str(step) for step in error["loc"])
    if error["type"] == "missing":
        choice = f" ({' | '.join(Environment)})" if where == "CONSENT_ENVIRONMENT" else ""
        return f"{where} is not set{choice}"
    what = str(error["msg"]).removeprefix("Value error, ")
    return f"{where}: {what}" if where else what
