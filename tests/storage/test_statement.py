"""Statements: one text, two dialects, and arguments that must fit exactly."""

from __future__ import annotations

import pytest

from consent_service.storage.statement import Dialect, Statement


@pytest.mark.parametrize(
    ("sql", "sqlite", "postgresql"),
    [
        ("SELECT 1", "SELECT 1", "SELECT 1"),
        ("a = :a AND b = :b", "a = ?1 AND b = ?2", "a = $1 AND b = $2"),
        ("a = :a OR c = :a OR b = :b", "a = ?1 OR c = ?1 OR b = ?2", "a = $1 OR c = $1 OR b = $2"),
        ("a IN (:many[])", "a IN (SELECT value FROM json_each(?1))", "a = ANY($1)"),
        ("x = :x AND a IN (:many[])", "x = ?1 AND a IN (SELECT value FROM json_each(?2))", "x = $1 AND a = ANY($2)"),
        ("n::bigint = :n", "n::bigint = ?1", "n::bigint = $1"),
        ("SELECT a {for_update}", "SELECT a ", "SELECT a FOR UPDATE"),
        ("SELECT a {skip_locked}", "SELECT a ", "SELECT a FOR UPDATE SKIP LOCKED"),
    ],
)
def test_a_statement_is_compiled_for_both(sql: str, sqlite: str, postgresql: str) -> None:
    """Names become numbers in the order in which they first stand; marks become what the database says for them."""
    statement = Statement(sql)
    assert statement.text("sqlite") == sqlite
    assert statement.text("postgresql") == postgresql


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_arguments_stand_where_their_names_do(dialect: Dialect) -> None:
    """Whatever the order in which they are given; a repeated name is one argument."""
    statement = Statement("a = :a AND b = :b AND c = :a")
    assert statement.arguments(dialect, {"b": 2, "a": 1}) == [1, 2]


def test_a_list_is_one_argument() -> None:
    """PostgreSQL takes it as it is, SQLite as JSON."""
    statement = Statement("a IN (:many[]) AND b = :b")
    given = {"many": ("x", "ø"), "b": 1}
    assert statement.arguments("postgresql", given) == [("x", "ø"), 1]
    assert statement.arguments("sqlite", given) == ['["x","ø"]', 1]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("given", "error"),
    [({}, KeyError), ({"a": 1}, KeyError), ({"a": 1, "c": 1}, KeyError), ({"a": 1, "b": 1, "c": 1}, TypeError)],
)
def test_arguments_that_do_not_fit_are_refused(
    dialect: Dialect, given: dict[str, object], error: type[Exception]
) -> None:
    """A missing one is a KeyError, a surplus one a TypeError: neither is NULL, neither is ignored."""
    with pytest.raises(error):
        Statement("a = :a AND b = :b").arguments(dialect, given)


def test_rows_to_join_with_are_one_argument() -> None:
    """Both databases read them from JSON, each in its way."""
    statement = Statement("SELECT t.n FROM ROWS(:given AS w(a text, n bigint)) JOIN t ON t.a = w.a WHERE t.b = :b")
    assert statement.text("postgresql") == (
        "SELECT t.n FROM json_to_recordset($1) AS w(a text, n bigint) JOIN t ON t.a = w.a WHERE t.b = $2"
    )
    assert statement.text("sqlite") == (
        "SELECT t.n FROM (SELECT value ->> 'a' AS a, value ->> 'n' AS n FROM json_each(?1)) AS w"
        " JOIN t ON t.a = w.a WHERE t.b = ?2"
    )
    for dialect in ("sqlite", "postgresql"):
        assert statement.arguments(dialect, {"given": ({"a": "x", "n": 1},), "b": 2}) == ['[{"a":"x","n":1}]', 2]
