"""The clients' documents and the service's schemas are written apart, and say the same."""

from __future__ import annotations

from typing import get_type_hints

import pytest
from pydantic import BaseModel

from consent_clients import mapping, models, notes, training_plan
from consent_clients.problems import _BY_STATUS
from consent_service.api import candidate_limits, candidate_shapes, shapes
from consent_service.app.problems import TABLE
from consent_service.notes import content as note_schemas
from consent_service.plans import content as plan_schemas

TWINS: list[tuple[type, type[BaseModel]]] = [
    (notes.NoteContent, note_schemas.NoteContent),
    (notes.Sections, note_schemas.Sections),
    (notes.NoteQuestion, note_schemas.Question),
    (mapping.WishedTrade, plan_schemas.WishedTrade),
    (mapping.MappingQuestion, plan_schemas.MappingQuestion),
    (mapping.Contact, plan_schemas.Contact),
    (training_plan.TrainingPlan, plan_schemas.TrainingPlan),
    (training_plan.Route, plan_schemas.Route),
    (training_plan.Trade, plan_schemas.Trade),
    (training_plan.OtherRoute, plan_schemas.OtherRoute),
    (training_plan.Subject, plan_schemas.Subject),
    (training_plan.Practice, plan_schemas.Practice),
    (training_plan.Step, plan_schemas.Step),
    (training_plan.Answer, plan_schemas.Answer),
    (training_plan.Documented, plan_schemas.Documented),
    (training_plan.FormallyRecognised, plan_schemas.FormallyRecognised),
    (training_plan.Expected, plan_schemas.Expected),
]


@pytest.mark.parametrize(("theirs", "ours"), TWINS, ids=lambda each: each.__name__)
def test_each_document_has_the_fields_of_its_schema(theirs: type, ours: type[BaseModel]) -> None:
    """A field that the service takes can be sent, and none can be sent that it does not take."""
    assert set(get_type_hints(theirs)) == set(ours.model_fields)


ANSWERS: list[tuple[type, type[BaseModel]]] = [
    (models.Unit, shapes.UnitShape),
    (models.Mailbox, candidate_shapes.MailboxShape),
    (models.PartRef, shapes.PartShape),
    (models.Consent, candidate_shapes.Consent),
    (models.ConsentAsked, shapes.ConsentAsked),
    (models.Revoked, candidate_shapes.Revoked),
    (models.StandingRefusal, candidate_limits.StandingRefusalShape),
    (models.LetterAlreadyOut, candidate_shapes.LetterOut),
    (notes.Note, candidate_shapes.NoteShape),
    (notes.NoteSummary, candidate_shapes.NoteLine),
    (notes.Draft, candidate_shapes.DraftShape),
    (models.Event, shapes.Event),
    (mapping.MappingAsked, shapes.MappingAsked),
    (mapping.MappingRequest, shapes.MappingState),
    (mapping.MyMappingRequest, candidate_shapes.MyMapping),
    (models.LogEntry, candidate_shapes.AccessLine),
    (training_plan.MyPlanLine, candidate_shapes.MyPlanLine),
    (training_plan.MyPlan, candidate_shapes.MyPlan),
]


@pytest.mark.parametrize(("theirs", "ours"), ANSWERS, ids=lambda each: each.__name__)
def test_each_answer_has_the_fields_of_its_shape(theirs: type, ours: type[BaseModel]) -> None:
    """What a client reads of an answer is what the service's contract says is in it, all of it."""
    assert set(get_type_hints(theirs)) == set(ours.model_fields)


@pytest.mark.parametrize(("theirs", "ours"), TWINS, ids=lambda each: each.__name__)
def test_what_a_schema_demands_a_document_demands(theirs: type, ours: type[BaseModel]) -> None:
    """What mypy lets a client leave out is nothing that the service would refuse to miss."""
    demanded = {name for name, field in ours.model_fields.items() if field.is_required()}
    assert demanded <= getattr(theirs, "__required_keys__")  # noqa: B009 - typing.TypedDict's own name for it


def test_every_status_that_the_service_answers_has_an_exception() -> None:
    """No problem of the service's table is but a bare Problem to the client, save those that are a client's bug."""
    answered = {problem.status for problem in TABLE.values()}
    assert answered - {500, 415} <= set(_BY_STATUS)
