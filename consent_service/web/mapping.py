"""Asking fagopplæring for a mapping oneself: in one's own words, and sent only after the yes that follows."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import Response

from consent_service.clock import end_of_day, local_date
from consent_service.identity.units import enabled_unit
from consent_service.plans.content import MappingRequestContent
from consent_service.plans.mapping import PURPOSE, ask_for_herself
from consent_service.web import unit_names
from consent_service.web.door import Door
from consent_service.web.forms import Form
from consent_service.web.pages import Pages
from consent_service.web.visits import CandidateVisit

_DAYS_TO_CONFIRM: Final = 30


@dataclass(frozen=True)
class EnteredRequest:
    """What was written, right or wrong."""

    recipient: str = ""
    trades: str = ""
    schooling: str = ""
    background: str = ""
    questions: str = ""

    @classmethod
    def read(cls, form: Form) -> "EnteredRequest":
        """The request in ``form``."""
        return cls(**{name: form.one(name) for name in cls.__dataclass_fields__})

    @property
    def blank(self) -> bool:
        """Whether nothing was asked."""
        return not any(text.strip() for text in (self.trades, self.schooling, self.background, self.questions))

    def content(self) -> MappingRequestContent:
        """The request it makes: a trade and a question on each line. Raises pydantic's ValidationError."""
        questions = enumerate(_lines(self.questions), start=1)
        return MappingRequestContent.model_validate(
            {
                "wished_trades": [{"text": line} for line in _lines(self.trades)],
                "schooling_and_practice": self.schooling if self.schooling.strip() else None,
                "background": self.background if self.background.strip() else None,
                "questions": [{"id": f"q{number}", "text": line} for number, line in questions],
            }
        )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def routes(pages: Pages) -> APIRouter:
    """The form; what follows is the request's own page."""
    door = Door(pages)

    @door.candidate("/mapping")
    async def begin(visit: CandidateVisit) -> Response:
        return await _form(visit, EnteredRequest())

    @door.form_of_candidate("/mapping")
    async def ask(visit: CandidateVisit, form: Form) -> Response:
        entered = EnteredRequest.read(form)
        if entered.blank:
            return await _form(visit, entered, status=422, problem="mapping.empty")
        try:
            content = entered.content()
        except ValidationError:
            return await _form(visit, entered, status=422, problem="mapping.unusable")
        key, now = await visit.key(), pages.clock.now()
        async with pages.db.transaction() as tx:
            recipient = await enabled_unit(tx, pages.desk.keys, entered.recipient)
            if recipient is not None:
                asked = await ask_for_herself(
                    tx,
                    pages.desk,
                    key,
                    content,
                    recipient=recipient,
                    reply_by=end_of_day(local_date(now) + timedelta(days=_DAYS_TO_CONFIRM)),
                    at=now,
                )
                return visit.go(f"/requests/{asked.consent_id}")
        return await _form(visit, entered, status=422, problem="mapping.empty")

    return door.router


async def _form(visit: CandidateVisit, entered: EnteredRequest, **more: Any) -> Response:
    purpose = visit.pages.desk.purposes.get(PURPOSE)
    async with visit.pages.db.snapshot() as view:
        recipients = await unit_names.recipients(view, visit.pages.desk.keys, purpose)
    values = {"status": 200, "problem": None, **more}
    return visit.render("mapping.html", recipients=recipients, entered=vars(entered), **values)
