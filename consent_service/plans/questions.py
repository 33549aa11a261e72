"""Which questions a mapping request has, for who can't read them: an answer in a plan is held against their ids.

The ids are chosen by whoever asks, and may say something; so a keyed hash of each is stored, bound to its request.
"""

import hmac
from collections.abc import Iterable

import orjson

from consent_service.crypto.canonical import canonical
from consent_service.crypto.service_keys import MacKey
from consent_service.errors import Invalid, Violation
from consent_service.plans.content import MappingQuestion, TrainingPlan


def marks(key: MacKey, request_id: str, questions: Iterable[MappingQuestion]) -> str:
    """What is stored of ``questions``."""
    return orjson.dumps([_mark(key, request_id, question.id) for question in questions]).decode()


def check(key: MacKey, request_id: str, marked: str, plan: TrainingPlan) -> None:
    """Raises Invalid for each answer that is to a question which the mapping request has not."""
    known = [str(mark) for mark in orjson.loads(marked)]
    unknown = [
        Violation(f"/answers/{index}/question_id", "The mapping request has no question with this id.")
        for index, answer in enumerate(plan.answers)
        if answer.of == "mapping_request" and not _among(_mark(key, request_id, answer.question_id), known)
    ]
    if unknown:
        raise Invalid(violations=tuple(unknown))


def _among(mark: str, known: list[str]) -> bool:
    return any(hmac.compare_digest(mark, one) for one in known)


def _mark(key: MacKey, request_id: str, question_id: str) -> str:
    return key.mac(b"mapping question 1\x00" + canonical([request_id, question_id])).hex()
