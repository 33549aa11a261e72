"""Log lines: one JSON object each, without anything personal."""

import json
import logging

import pytest
import structlog

from consent_service.app.violations import pointer

NUMBER = "21879498012"


pytestmark = pytest.mark.usefixtures("written_lines")


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    """A line break or an escape sequence in a value stays inside the line."""
    structlog.get_logger().info("request", reason="a\r\nb\x1b[31m")
    (line,) = _lines(capsys)
    assert line["reason"] == "a\r\nb\x1b[31m"
    assert line["level"] == "info"


def test_an_unknown_field_is_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    """Only the fields of the list are written, so that a body or a name can't get in by accident."""
    structlog.get_logger().info("request", body="hemmelig", name="Kari", route="/v1/me")
    (line,) = _lines(capsys)
    assert set(line) == {"event", "level", "time", "route"}


@pytest.mark.parametrize("text", [NUMBER, f"pid={NUMBER}.", "218794 98012"])
def test_a_number_is_masked(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """What looks like an identity number is covered wherever it stands."""
    structlog.get_logger().info(f"request {text}", reason=text)
    assert "98012" not in capsys.readouterr().out


def test_an_exception_is_its_class_and_places(capsys: pytest.CaptureFixture[str]) -> None:
    """The message of an exception is not written, its chain is."""
    try:
        try:
            raise KeyError("Kari Nordmann")
        except KeyError as cause:
            raise ValueError("her notat") from cause
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = _lines(capsys)
    assert str(line["exception"]).startswith("ValueError at ")
    assert "caused by KeyError" in str(line["exception"])
    assert "Kari" not in json.dumps(line)
    assert "notat" not in json.dumps(line)


def test_libraries_write_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    """A library's line is JSON too; what httpx says of addresses is left out."""
    logging.getLogger("uvicorn.error").info("Started %s", NUMBER)
    logging.getLogger("httpx").info("HTTP Request: GET https://example.org/?pid=%s", NUMBER)
    (line,) = _lines(capsys)
    assert line["logger"] == "uvicorn.error"
    assert NUMBER not in json.dumps(line)


@pytest.mark.parametrize(
    ("loc", "expected"),
    [
        (("sections", "motivation"), "/sections/motivation"),
        (("parts", 3, "part"), "/parts/3/part"),
        (("Kari Nordmann",), ""),
        ((NUMBER,), ""),
        (("a" * 41,), ""),
    ],
)
def test_a_pointer_ends_where_the_callers_words_begin(loc: tuple[int | str, ...], expected: str) -> None:
    """A key that is not a field's name is not repeated."""
    assert pointer(loc) == expected
