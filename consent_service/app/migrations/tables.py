"""Every room's tables. Importing a room's store registers them; this imports every store there is."""

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

import consent_service
from consent_service.storage.migrations.connecting import registered_tables

if TYPE_CHECKING:
    from sqlalchemy import MetaData

_WITH_TABLES = ("_store", "lease")


@cache
def metadata() -> "MetaData":
    """The tables of the whole service; looked for once in a process."""
    for module in pkgutil.walk_packages(consent_service.__path__, "consent_service."):
        if module.name.rpartition(".")[2] in _WITH_TABLES:
            importlib.import_module(module.name)
    return registered_tables()
