"""The few pages of the local ID-porten, in bokmål, nynorsk and English."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse
from jinja2 import Environment as Templates
from jinja2 import FileSystemLoader, StrictUndefined

from consent_service.sandbox.idporten_registry import SandboxPerson

_templates = Templates(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)
_HEADERS = {
    "Cache-Control": "no-store",
    # No form-action: browsers apply it to the redirect after the form too, and that one leads to the client.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class _Texts:
    title: str
    what: str
    who: str
    log_in_as: str
    other: str
    number: str
    hint: str
    log_in: str
    cancel: str
    wrong: str
    logged_out: str
    leaving: str
    onward: str
    error: str


_TEXTS = {
    "nb": _Texts(
        title="Logg inn (lokal ID-porten)",
        what="Dette er ikke ID-porten, men en erstatning for utvikling. Bruk bare testpersoner.",
        who="Hvem vil du logge inn som?",
        log_in_as="Logg inn som",
        other="En annen testperson",
        number="Syntetisk fødselsnummer",
        hint="11 siffer, med 80 lagt til måneden",
        log_in="Logg inn",
        cancel="Avbryt",
        wrong="Dette er ikke et gyldig syntetisk fødselsnummer. Se etter skrivefeil.",
        logged_out="Du er logget ut.",
        leaving="Du blir logget ut av tjenestene du har vært innom.",
        onward="Gå videre",
        error="Innloggingen kan ikke begynne: klienten eller adressen den vil tilbake til, er ikke registrert.",
    ),
    "nn": _Texts(
        title="Logg inn (lokal ID-porten)",
        what="Dette er ikkje ID-porten, men ei erstatning for utvikling. Bruk berre testpersonar.",
        who="Kven vil du logge inn som?",
        log_in_as="Logg inn som",
        other="Ein annan testperson",
        number="Syntetisk fødselsnummer",
        hint="11 siffer, med 80 lagt til månaden",
        log_in="Logg inn",
        cancel="Avbryt",
        wrong="Dette er ikkje eit gyldig syntetisk fødselsnummer. Sjå etter skrivefeil.",
        logged_out="Du er logga ut.",
        leaving="Du blir logga ut av tenestene du har vore innom.",
        onward="Gå vidare",
        error="Innlogginga kan ikkje ta til: klienten eller adressa han vil tilbake til, er ikkje registrert.",
    ),
    "en": _Texts(
        title="Log in (local ID-porten)",
        what="This is not ID-porten but a stand-in for development. Use test persons only.",
        who="Who do you want to log in as?",
        log_in_as="Log in as",
        other="Another test person",
        number="Synthetic identity number",
        hint="11 digits, with 80 added to the month",
        log_in="Log in",
        cancel="Cancel",
        wrong="This is not a valid synthetic identity number. Look for a typing mistake.",
        logged_out="You are logged out.",
        leaving="You are being logged out of the services that you have visited.",
        onward="Go on",
        error="The login can't begin: the client, or the address it wants to return to, is not registered.",
    ),
}


def login_page(
    kept: Mapping[str, str], persons: tuple[SandboxPerson, ...], *, locale: str, fault: bool = False
) -> HTMLResponse:
    """The page to pick a person on. ``kept``: the request, or what stands for it, which its forms send again."""
    status = 422 if fault else 200
    return _page("idporten_login.html", locale, status, kept=kept, persons=persons, fault=fault)


def error_page() -> HTMLResponse:
    """The page for a request whose client or address is not registered."""
    return _page("idporten_message.html", "nb", 400, message=_TEXTS["nb"].error)


def leaving_page(frames: Sequence[str], onward: str | None) -> HTMLResponse:
    """The page that opens each address of ``frames`` in a frame, and leads on after a moment."""
    page = _page("idporten_leaving.html", "nb", 200, frames=frames, onward=onward)
    origins = " ".join(sorted({"{0.scheme}://{0.netloc}".format(urlsplit(frame)) for frame in frames}))
    page.headers["Content-Security-Policy"] += f"; frame-src {origins}"
    return page


def logged_out_page() -> HTMLResponse:
    """The page after a logout that leads nowhere else."""
    return _page("idporten_message.html", "nb", 200, message=_TEXTS["nb"].logged_out)


def _page(name: str, locale: str, status: int, **values: object) -> HTMLResponse:
    language = locale if locale in _TEXTS else "nb"
    html = _templates.get_template(name).render(lang=language, t=_TEXTS[language], **values)
    return HTMLResponse(html, status_code=status, headers=_HEADERS)
