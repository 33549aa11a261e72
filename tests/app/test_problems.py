"""Every error of the service has its problem, and every problem its page."""

from collections.abc import Iterator

import orjson
import pytest

from consent_service import errors
from consent_service.app import problems


def _tree(root: type[errors.ServiceError]) -> Iterator[type[errors.ServiceError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


EVERY = [cls for cls in _tree(errors.ServiceError) if cls.__module__ == errors.__name__]


def test_the_table_is_total() -> None:
    """Each class of the tree has a row of its own, and the table has no other row."""
    assert set(problems.TABLE) == set(EVERY)


def test_slugs_name_one_problem_each() -> None:
    """Two kinds of errors never share a type."""
    slugs = [problem.slug for problem in problems.ALL]
    assert len(slugs) == len(set(slugs))


@pytest.mark.parametrize("family", errors.ServiceError.__subclasses__(), ids=lambda cls: cls.__name__)
def test_a_family_shares_its_status(family: type[errors.ServiceError]) -> None:
    """What a verb raises more exactly is answered with its family's status, a room's own refinements too."""
    statuses = {problems.for_error(cls.__new__(cls)).status for cls in _tree(family)}
    assert statuses == {problems.TABLE[family].status}


def test_a_rooms_own_error_is_what_it_refines() -> None:
    """A class that a room derives for itself is answered as the class that it derives from."""

    class PressBusy(errors.StorageUnavailable):
        detail = "Not just now."

    answer = problems.answer_error(PressBusy(), "a-request")
    assert answer.status_code == 503
    assert orjson.loads(bytes(answer.body))["type"] == "/problems/storage-unavailable"


def test_the_root_is_internal() -> None:
    """An error of no family gives no detail away."""
    answer = problems.answer_error(errors.ServiceError("hemmelig"), "a-request")
    assert answer.status_code == 500
    assert b"hemmelig" not in bytes(answer.body)


def test_the_document_has_the_fields_of_rfc_9457() -> None:
    """A problem document says type, title, status and detail, and the request's id and violations of ours."""
    error = errors.Invalid(violations=(errors.Violation("/sections", "is required"),))
    answer = problems.answer_error(error, "a-request")
    assert answer.media_type == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert orjson.loads(bytes(answer.body)) == {
        "type": "/problems/invalid",
        "title": "The content is not acceptable",
        "status": 422,
        "detail": "The content is not acceptable; see errors.",
        "request_id": "a-request",
        "errors": [{"pointer": "/sections", "detail": "is required"}],
    }


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (errors.Unauthenticated(), "www-authenticate", 'Bearer error="invalid_token"'),
        (errors.InsufficientScope(), "www-authenticate", 'Bearer error="insufficient_scope"'),
        (errors.TooManyRequests(17), "retry-after", "17"),
        (errors.StorageUnavailable(), "retry-after", "1"),
    ],
)
def test_an_error_carries_its_header(error: errors.ServiceError, header: str, value: str) -> None:
    """What a client must know to go on stands in the header that its standard names."""
    assert problems.answer_error(error, "a-request").headers[header] == value
