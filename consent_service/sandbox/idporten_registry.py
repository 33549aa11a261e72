"""What a local ID-porten is told before it starts: its clients and its test persons."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from consent_service.clock import Clock, SystemClock
from consent_service.persons.numbers import NumberRule
from consent_service.sandbox.keys import ClientJwks, IssuerKeys, Jwk
from consent_service.settings import Environment

ClientAuthentication = Literal["private_key_jwt", "client_secret_basic", "client_secret_post"]


@dataclass(frozen=True, kw_only=True)
class IdportenClient:
    """A registered client. It authenticates in the one way that was registered, and in no other.

    ``keys``: public JWKs with ``kid``, for private_key_jwt. ``secret``: for the two ways with a secret.
    ``frontchannel_logout_uri``, ``backchannel_logout_uri``: where it hears that the person logged out elsewhere;
    ``logout_session_required``: it hears of which session, so its id_tokens name theirs.
    """

    client_id: str
    redirect_uris: frozenset[str]
    post_logout_redirect_uris: frozenset[str] = frozenset()
    frontchannel_logout_uri: str = ""
    backchannel_logout_uri: str = ""
    logout_session_required: bool = True
    authentication: ClientAuthentication = "private_key_jwt"
    keys: tuple[Jwk, ...] = ()
    secret: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuse a client that could never authenticate."""
        if not (self.keys if self.authentication == "private_key_jwt" else self.secret):
            raise ValueError("a client has keys or a secret, as its way to authenticate demands")


class Registration(BaseModel):
    """The body of ``POST /sandbox/clients``, in the words of OpenID Connect Dynamic Client Registration."""

    model_config = ConfigDict(extra="forbid")
    client_id: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,255}$")]
    redirect_uris: Annotated[list[str], Field(min_length=1)]
    post_logout_redirect_uris: list[str] = []
    frontchannel_logout_uri: str = ""
    backchannel_logout_uri: str = ""
    frontchannel_logout_session_required: bool = True
    token_endpoint_auth_method: ClientAuthentication = "private_key_jwt"  # noqa: S105 - a way, and no password
    jwks: ClientJwks | None = None
    client_secret: SecretStr = SecretStr("")

    def client(self) -> IdportenClient:
        """As it is kept. Raises ValueError for a client that could never authenticate."""
        return IdportenClient(
            client_id=self.client_id,
            redirect_uris=frozenset(self.redirect_uris),
            post_logout_redirect_uris=frozenset(self.post_logout_redirect_uris),
            frontchannel_logout_uri=self.frontchannel_logout_uri,
            backchannel_logout_uri=self.backchannel_logout_uri,
            logout_session_required=self.frontchannel_logout_session_required,
            authentication=self.token_endpoint_auth_method,
            keys=tuple(self.jwks.keys) if self.jwks else (),
            secret=self.client_secret.get_secret_value(),
        )


@dataclass(frozen=True, kw_only=True)
class SandboxPerson:
    """Somebody to log in as: a synthetic identity number, and a name that nobody has.

    ``acting_for``: the number of somebody whose power of attorney this person uses at each login.
    """

    pid: str = field(repr=False)
    name: str
    acting_for: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class IdportenConfig:
    """``issuer`` has no slash at its end. Times are in seconds, and as short as ID-porten's own.

    ``demands_pushed``: it takes pushed requests alone. ``reaching``: how clients' back channels are reached, by
    sockets if None. ``registered``: the clients that came while it ran.
    """

    issuer: str
    environment: Environment
    clients: tuple[IdportenClient, ...]
    persons: tuple[SandboxPerson, ...]
    demands_pushed: bool = False
    code_seconds: int = 60
    id_token_seconds: int = 120
    access_token_seconds: int = 600
    numbers: NumberRule = field(default_factory=lambda: NumberRule(synthetic=True))
    keys: IssuerKeys = field(default_factory=IssuerKeys)
    clock: Clock = field(default_factory=SystemClock)
    reaching: httpx.AsyncBaseTransport | None = None
    registered: dict[str, IdportenClient] = field(default_factory=dict)

    def represented_by(self, pid: str) -> str:
        """Whom the person with this number acts for, or an empty text."""
        return next((person.acting_for for person in self.persons if person.pid == pid), "")

    def every_client(self) -> tuple[IdportenClient, ...]:
        """Those it was told of, and those that registered since."""
        told = (client for client in self.clients if client.client_id not in self.registered)
        return (*told, *self.registered.values())

    def client(self, client_id: str | None) -> IdportenClient | None:
        """The client with this id."""
        return next((client for client in self.every_client() if client.client_id == client_id), None)
