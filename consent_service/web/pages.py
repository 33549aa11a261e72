"""What the pages may use, and nothing else: privilege is structure.

The pages call the same verbs as the machines' door does. They have no way to a recipient's keys beyond what a
grant needs, and none to the gate: nothing leaves the service through a page.
"""

from dataclasses import dataclass, field

from jinja2 import Environment

from consent_service.clock import Clock
from consent_service.consents.desk import Desk
from consent_service.identity.issuers import Issuer
from consent_service.identity.login import Login
from consent_service.identity.logout_tokens import LogoutTokens
from consent_service.identity.origin import origin_of
from consent_service.identity.rates import Rate
from consent_service.identity.sidecar import Sidecar
from consent_service.persons.numbers import NumberRule
from consent_service.persons.waiting import Receivers
from consent_service.rights.journal import Journal
from consent_service.storage.engine import Database
from consent_service.vault.keys import Keys
from consent_service.web.assets import Assets
from consent_service.web.assets import load as load_assets
from consent_service.web.templates import environment
from consent_service.web.words import Texts
from consent_service.web.words import load as load_texts


@dataclass(frozen=True)
class Pages:
    """The pages' means, made by the composition root.

    ``issuer`` is ID-porten, which we are ``client_id`` to. ``held_for`` is the controller that a candidate's own parts
    are held for; ``public_url`` is where people find the service; ``draft_days`` and ``waiting_days`` are how long a
    code and a waiting item last; ``rate`` how often a person may call; ``nav_audited`` whether NAV's audit log hears
    who read what. Nobody below ``minimum_age`` is let in.
    """

    db: Database
    clock: Clock
    keys: Keys = field(repr=False)
    login: Login | Sidecar
    logout_tokens: LogoutTokens | None
    issuer: Issuer
    client_id: str
    desk: Desk = field(repr=False)
    receivers: Receivers
    numbers: NumberRule
    minimum_age: int
    held_for: str
    public_url: str
    draft_days: int
    waiting_days: int
    journal: Journal
    rate: Rate | None = None
    nav_audited: bool = False
    texts: Texts = field(repr=False, default_factory=load_texts)
    assets: Assets = field(repr=False, default_factory=load_assets)
    templates: Environment = field(repr=False, default_factory=environment)

    @property
    def origin(self) -> str:
        """The only origin whose forms are taken."""
        return origin_of(self.public_url)

    @property
    def secure(self) -> bool:
        """Whether the pages are reached over TLS; only on loopback in plain http they are not."""
        return self.origin.startswith("https://")
