"""Which questions a plan may answer: its answers are held against the ids of what fagopplæring was asked.

A mapping request's ids are chosen by whoever asks, and may say something; so a keyed hash of each is stored, bound to
its request. A note's question is a part of its own, and the consent's terms name those that she shared.
"""

import hmac
from collections.abc import Iterable
from typing import Final

import orjson

from consent_service.crypto.canonical import canonical
from consent_service.crypto.service_keys import MacKey
from consent_service.errors import Invalid, Violation
from consent_service.plans.content import MappingQuestion, TrainingPlan
from consent_service.vault.parts import PartRef

_IN_NOTE: Final = "question_vocational_training"
_UNKNOWN: Final = {
    "note": "The note that was shared has no question to you with this id.",
    "mapping_request": "The mapping request has no question with this id.",
}


def marks(key: MacKey, request_id: str, questions: Iterable[MappingQuestion]) -> str:
    """What is stored of ``questions``."""
    return orjson.dumps([_mark(key, request_id, question.id) for question in questions]).decode()


def check(key: MacKey, request_id: str, marked: str, shared: Iterable[PartRef], plan: TrainingPlan) -> None:
    """Raises Invalid for each answer that is to no question of the mapping request, or of the note as it is ``shared``.

    What the note asks NAV, or asked in a version that was not shared, is not fagopplæring's to answer.
    """
    marks_known = [str(mark) for mark in orjson.loads(marked)]
    parts_known = {ref.part for ref in shared if ref.resource == "note"}
    unknown = []
    for index, answer in enumerate(plan.answers):
        if answer.of == "note":
            known = f"{_IN_NOTE}:{answer.question_id}" in parts_known
        else:
            known = _among(_mark(key, request_id, answer.question_id), marks_known)
        if not known:
            unknown.append(Violation(f"/answers/{index}/question_id", _UNKNOWN[answer.of]))
    if unknown:
        raise Invalid(violations=tuple(unknown))


def _among(mark: str, known: list[str]) -> bool:
    return any(hmac.compare_digest(mark, one) for one in known)


def _mark(key: MacKey, request_id: str, question_id: str) -> str:
    return key.mac(b"mapping question 1\x00" + canonical([request_id, question_id])).hex()
