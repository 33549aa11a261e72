"""The candidates' mailbox: Digipost, by the settings; and the contact register that is asked first, if they name it."""

import json

from consent_service.app.outgoing import Outgoing
from consent_service.clock import SECOND, Clock
from consent_service.crypto.signatures import CertificateUnusable, rsa_signer, verify_rsa
from consent_service.delivery.attempt import Levels
from consent_service.delivery.backoff import Timing
from consent_service.delivery.printing import Printing
from consent_service.identity.client_authentication import ClientKey
from consent_service.identity.own_tokens import OwnTokens
from consent_service.mailbox.digipost import Digipost
from consent_service.mailbox.digipost_calls import SignedCalls
from consent_service.mailbox.krr import SCOPE, Krr
from consent_service.mailbox.port import AuthenticationLevel, Mailbox, PostalAddress, SensitivityLevel
from consent_service.mailbox.register import ContactRegister
from consent_service.settings import Misconfigured, Settings


def mailbox(settings: Settings, http: Outgoing, clock: Clock) -> Mailbox:
    """Digipost as the settings name it. Raises Misconfigured."""
    missing = [name for name, value in _demanded(settings).items() if not value]
    if missing:
        raise Misconfigured(*(f"{name} is not set, and the worker sends letters" for name in missing))
    assert settings.digipost_p12 is not None
    assert settings.digipost_p12_password_file is not None
    try:
        password = settings.digipost_p12_password_file.read_text().strip("\n")
        calls = SignedCalls(
            http=http,
            base_url=settings.digipost_url,
            user_id=settings.digipost_user_id,
            sign=rsa_signer(settings.digipost_p12, password),
            verify=verify_rsa,
            clock=clock,
            pins=frozenset(settings.digipost_pins),
        )
    except (CertificateUnusable, OSError) as unfit:
        raise Misconfigured(f"DIGIPOST_P12 or DIGIPOST_P12_PASSWORD_FILE: {unfit}") from None
    except ValueError as unfit:
        raise Misconfigured(f"DIGIPOST_URL: {unfit}") from None
    return Digipost(calls, user_id=settings.digipost_user_id, organisation_number=settings.digipost_sender_organisation)


def levels(settings: Settings) -> Levels:
    """How every letter is sent."""
    return Levels(
        AuthenticationLevel(settings.digipost_authentication_level),
        SensitivityLevel(settings.digipost_sensitivity_level),
    )


def printing(settings: Settings) -> Printing | None:
    """Whose letters may be printed for who has no account in Digipost; None for nobody's."""
    if not settings.digipost_print_organisation:
        return None
    back_to = PostalAddress(
        name=settings.digipost_print_return_name,
        lines=(settings.digipost_print_return_address,),
        postal_code=settings.digipost_print_return_postal_code,
        city=settings.digipost_print_return_city,
    )
    return Printing(settings.digipost_print_organisation, back_to)


def register(settings: Settings, http: Outgoing, clock: Clock) -> ContactRegister | None:
    """KRR, if the settings name it. Raises Misconfigured."""
    if not settings.krr_url:
        return None
    assert settings.maskinporten_client_jwk is not None
    try:
        client_key = ClientKey(json.loads(settings.maskinporten_client_jwk.get_secret_value()))
    except (ValueError, AttributeError):
        raise Misconfigured("MASKINPORTEN_CLIENT_JWK is a private RSA key as a JWK, with its kid") from None
    tokens = OwnTokens(
        http,
        clock,
        endpoint=settings.maskinporten_token_endpoint,
        issuer=settings.maskinporten_issuer,
        client_id=settings.maskinporten_client_id,
        client_key=client_key,
        scope=SCOPE,
    )
    return Krr(http, settings.krr_url, tokens.token)


def timing(settings: Settings) -> Timing:
    """How long a worker may have a letter, and how long it waits before it tries again."""
    return Timing(lease=settings.letter_lease_seconds * SECOND)


def _demanded(settings: Settings) -> dict[str, object]:
    return {
        "DIGIPOST_URL": settings.digipost_url,
        "DIGIPOST_USER_ID": settings.digipost_user_id,
        "DIGIPOST_SENDER_ORGANISATION": settings.digipost_sender_organisation,
        "DIGIPOST_P12": settings.digipost_p12,
        "DIGIPOST_P12_PASSWORD_FILE": settings.digipost_p12_password_file,
    }
