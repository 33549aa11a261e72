"""A form is understood in one way, or not at all."""

import pytest
from starlette.requests import Request

from consent_service.errors import Malformed
from consent_service.web.forms import Form, read


def sent(body: bytes) -> Request:
    """A request with ``body``."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": [], "path": "/"}, receive)


async def test_fields_are_read_in_their_order() -> None:
    """What may come more than once keeps its order; what is empty is there."""
    form = await read(sent(b"part=a&part=b&navn=%C3%85se+B&tom="))
    assert form.many("part") == ("a", "b")
    assert form.one("navn") == "Åse B"
    assert form.one("tom") == ""
    assert form.one("absent") == ""


def test_a_field_that_may_come_once_comes_once() -> None:
    """A second value is refused, and not chosen between."""
    with pytest.raises(Malformed):
        Form([("until", "2027-01-01"), ("until", "2099-01-01")]).one("until")


@pytest.mark.parametrize(
    "body", [b"name=%ff%fe", b"name", "name=Å".encode(), b"&".join(b"a=1" for _ in range(301))], ids=repr
)
async def test_what_is_no_form_is_malformed(body: bytes) -> None:
    """Broken encoding, fields without a value, and floods of fields are refused."""
    with pytest.raises(Malformed):
        await read(sent(body))
