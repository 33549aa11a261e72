"""The composition root: settings in, a service out. Nothing else in the project chooses an implementation."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from consent_service.app import postbox
from consent_service.app.issuers import Identities, identities
from consent_service.app.jobs import Jobs, Kept
from consent_service.app.metrics import Metrics
from consent_service.app.opening import Opened, Unready, open_service
from consent_service.app.outgoing import Outgoing, outgoing
from consent_service.app.waking import WakingDatabase
from consent_service.audit.nav_log import NavLog, place_of
from consent_service.clock import DAY, Clock
from consent_service.consents import requests
from consent_service.consents.desk import Controller, Desk
from consent_service.consents.gate import Gate
from consent_service.consents.purposes import Purposes
from consent_service.delivery.failpoints import dying_at
from consent_service.delivery.worker import Worker
from consent_service.persons.numbers import NumberRule
from consent_service.persons.waiting import Receivers
from consent_service.plans import mapping
from consent_service.rights.journal import NO_JOURNAL, Journal, JournalFile
from consent_service.settings import Settings
from consent_service.vault.keys import Keys
from consent_service.web.paths import RETURN_PATHS

if TYPE_CHECKING:
    from consent_service.identity.counters import Counters


@dataclass(frozen=True)
class Service:
    """Everything that a process of the service has, made once."""

    settings: Settings
    clock: Clock
    db: WakingDatabase
    keys: Keys = field(repr=False)
    desk: Desk = field(repr=False)
    gate: Gate
    identities: Identities
    numbers: NumberRule
    receivers: Receivers
    journal: Journal
    metrics: Metrics
    http: Outgoing
    counters: "Counters"
    nav_log: NavLog | None

    def worker(self) -> Worker:
        """A worker for the outbox. Raises Misconfigured if there is no mailbox in the settings."""
        return Worker(
            self.db,
            self.gate,
            postbox.mailbox(self.settings, self.http, self.clock),
            self.keys.service,
            self.clock,
            controller=self.settings.controller_organisation_number,
            levels=postbox.levels(self.settings),
            timing=postbox.timing(self.settings),
            printing=postbox.printing(self.settings),
            register=postbox.register(self.settings, self.http, self.clock),
            reached=dying_at(self.settings.test_worker_dies_at),
        )

    def jobs(self) -> Jobs:
        """What runs beside the requests."""
        kept = Kept(events=self.settings.event_days * DAY, answers=self.settings.idempotency_days * DAY)
        return Jobs(self.db, self.desk, self.clock, self.keys, origin=log_origin(self.settings), kept=kept)

    async def close(self) -> None:
        """Give up every connection."""
        await self.http.aclose()
        await self.counters.close()
        if self.nav_log is not None:
            await self.nav_log.close()
        await self.db.close()


async def assemble(settings: Settings, clock: Clock) -> Service:
    """The service that ``settings`` describe. Raises Misconfigured or Unready, saying what an operator has to do."""
    dies_at = settings.test_worker_dies_at
    http = outgoing(None if dies_at is None else dying_at(dies_at))
    opened: Opened | None = None
    try:
        known = identities(settings, http, clock, return_paths=RETURN_PATHS)
        opened = await open_service(settings, clock)
        return _assembled(settings, clock, http, known, opened)
    except BaseException:
        await http.aclose()
        if opened is not None:
            await opened.db.close()
        raise


def _counters(settings: Settings) -> "Counters":
    from consent_service.identity.counters import Counters  # noqa: PLC0415  # the operators' commands start without it

    return Counters(settings.redis_url.get_secret_value())


def _nav_log(settings: Settings) -> NavLog | None:
    if not settings.nav_audit_log:
        return None
    product = settings.nav_audit_product
    place = place_of(settings.nav_audit_log, product=product)
    return NavLog(place, vendor=settings.nav_audit_vendor, product=product)


def _assembled(settings: Settings, clock: Clock, http: Outgoing, known: Identities, opened: Opened) -> Service:
    db = WakingDatabase(opened.db)
    file = journal_file(settings, opened.keys)
    desk = Desk(keys=opened.keys.service, purposes=Purposes.load(), controller=controller(settings))
    return Service(
        settings=settings,
        clock=clock,
        db=db,
        keys=opened.keys,
        desk=desk,
        gate=Gate(db, opened.keys, desk, clock),
        identities=known,
        numbers=number_rule(settings),
        receivers={
            "consent_request": requests.receiver(opened.keys.service),
            "mapping_request": mapping.receiver(opened.keys.service),
        },
        journal=NO_JOURNAL if file is None else file,
        metrics=Metrics(),
        http=http,
        counters=_counters(settings),
        nav_log=_nav_log(settings),
    )


def journal_file(settings: Settings, keys: Keys) -> JournalFile | None:
    """The erasure journal, if the settings name one. Raises Unready if it can't be appended to."""
    if settings.erasure_journal is None:
        return None
    file = JournalFile(settings.erasure_journal, keys.service.rows)
    try:
        file.demand_fit()
    except OSError as failure:
        reason = failure.strerror or type(failure).__name__
        raise Unready(f"The erasure journal at {settings.erasure_journal} can't be written: {reason}") from None
    return file


def controller(settings: Settings) -> Controller:
    """Who is responsible, as the settings say."""
    return Controller(
        name=settings.controller_name,
        organisation_number=settings.controller_organisation_number,
        address=settings.controller_address,
        privacy_contact=", ".join(settings.privacy_contacts),
        hosting_countries=settings.hosting_countries,
        authority=settings.supervisory_authority,
        withdrawal_url=settings.public_url,
        withdrawal_phone=settings.withdrawal_phone or None,
        withdrawal_address=settings.withdrawal_address or None,
    )


def number_rule(settings: Settings) -> NumberRule:
    """Which identity numbers are taken here: in production people's, anywhere else test persons' alone."""
    return NumberRule(synthetic=not settings.production)


def log_origin(settings: Settings) -> str:
    """The log's name in its checkpoints: our public address without its scheme, and ``/log``."""
    parts = urlsplit(settings.public_url)
    return f"{parts.netloc}{parts.path.rstrip('/')}/log"
