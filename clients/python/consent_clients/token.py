"""A token for the command line: `python -m consent_clients.token nav.json`, for use with curl.

The file is a registration. A unit's has `issuer`, `client_id`, `key` (private JWK), `scopes` and perhaps
`resource`; a test person's has what `Login` has. Whoever can read it can speak as that party: keep it 0600.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from consent_clients.connection import Tokens
from consent_clients.idporten import IdPortenSession, Login
from consent_clients.maskinporten import Maskinporten
from consent_clients.problems import TokenRefused


def tokens_from(registration: Path) -> Tokens:
    """The source of tokens that a registration file describes."""
    given = json.loads(registration.read_text())
    return IdPortenSession(Login(**given)) if "national_id" in given else Maskinporten(**given)


async def one_token(tokens: Tokens) -> str:
    """A token, and nothing left open."""
    try:
        return await tokens.bearer()
    finally:
        await tokens.close()


def main(arguments: list[str]) -> int:
    """Prints one bearer token; 1 if it is refused, 2 if the command is not understood."""
    if len(arguments) != 1:
        print("usage: python -m consent_clients.token REGISTRATION.json", file=sys.stderr)
        return 2
    try:
        print(asyncio.run(one_token(tokens_from(Path(arguments[0])))))
    except TokenRefused as refused:
        print(refused, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
