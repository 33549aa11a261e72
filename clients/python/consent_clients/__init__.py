"""Clients of the consent service: one class a party, in the words of its journey.

    CareerCentre         hand_over, withdraw
    Nav                  search, consents, release, events, ask, ask_mapping, receipt, check_log
                         (and `ActivityCards`: what NAV may put in its activity plan)
    VocationalTraining   consents, release, events, ask, report_state, push_plan, plan,
                         plan_archive, receipt, check_log
    Candidate            introduce, claim, accept, write, preview, grant, refuse, revoke, pause, resume,
                         refuse_always, receipt, ask_mapping, plans, plan_pdf, preview_sending,
                         send, log, export, erase

A unit brings `Maskinporten` as its source of tokens, a candidate a session of her own login. Whatever a unit does
about a person names who acts: the call's `employee`, or else the client's, which is a `MACHINE` unless it is told. What
can go wrong is one tree, drawn in `consent_clients.problems`.

    tokens = Maskinporten(issuer="https://maskinporten.no/", client_id="…", key=private_jwk, scopes=[…])
    async with Nav("https://samtykke.example.no", tokens) as nav:
        for event in await nav.events(after=last_seen):
            if event["state"] == "granted" and event["consent_id"]:
                release = await nav.release(event["consent_id"], Employee("A123456", "0501"))
"""

from consent_clients.activity_cards import ActivityCards, CardMessage
from consent_clients.candidate import Candidate
from consent_clients.career_centre import CareerCentre
from consent_clients.checkpoints import Checkpoint, Checkpoints, VerifierKey
from consent_clients.idporten import IdPortenSession, Login
from consent_clients.maskinporten import Maskinporten
from consent_clients.models import MACHINE, Employee, PickUpCode, Preview, Release
from consent_clients.nav import Nav
from consent_clients.receipts import Receipt
from consent_clients.vocational_training import VocationalTraining

__all__ = [
    "MACHINE",
    "ActivityCards",
    "Candidate",
    "CardMessage",
    "CareerCentre",
    "Checkpoint",
    "Checkpoints",
    "Employee",
    "IdPortenSession",
    "Login",
    "Maskinporten",
    "Nav",
    "PickUpCode",
    "Preview",
    "Receipt",
    "Release",
    "VerifierKey",
    "VocationalTraining",
]
