"""The sandbox is never in production: its doors open for anybody who picks a name from a list."""

from consent_service.settings import Environment


class NotInProduction(Exception):
    """A part of the sandbox was asked to start where real people's data may be."""


def refuse_production(environment: Environment | str) -> None:
    """Raises NotInProduction unless ``environment`` is one of those without real people in them."""
    if environment not in {Environment.LOCAL, Environment.TEST}:
        raise NotInProduction("the sandbox starts in the environments local and test only")
