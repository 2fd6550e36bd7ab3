"""What check constraints say of columns."""

import pytest

from unslow.lab.seeding._checks import read
from unslow.lab.seeding.schema import Bound, Facts, Order


@pytest.mark.parametrize(
    "condition",
    ["price * price > 2", "f(a)", "a > b + 1", "not sql (", "a IS NULL AND b = 1 OR c > 2"],
)
def test_a_condition_that_is_not_plain_demands_nothing(condition) -> None:
    for facts in read(condition).facts.values():
        assert facts == Facts(torn=facts.torn, hints=facts.hints)


@pytest.mark.parametrize(
    ("condition", "facts"),
    [
        ("((a >= (0)::numeric) AND (a < 100))", Facts((Bound("0"),), (Bound("100", strict=True),))),
        ("0 < a", Facts((Bound("0", strict=True),))),
        ("a > -5", Facts((Bound("-5", strict=True),))),
        ("a BETWEEN 1 AND 2", Facts((Bound("1"),), (Bound("2"),))),
        ("a IN ('x', 'y')", Facts(values=("x", "y"))),
        (
            "(a)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[])",
            Facts(values=("x", "y")),
        ),
        ("a = ANY ('{1,2}'::int[])", Facts(values=("1", "2"))),
        ("a = 'x' OR a = 'y'", Facts(values=("x", "y"))),
        ("a IS NULL OR a > 3", Facts((Bound("3", strict=True),))),
        ("a <> 'x'", Facts(excluded=("x",))),
        ("a <> ALL (ARRAY['x', 'y'])", Facts(excluded=("x", "y"))),
        ("a IS NOT NULL", Facts(not_null=True)),
        ("(a)::text ~ '^[a-z]+$'::text", Facts(patterns=("^[a-z]+$",))),
        ("a !~ '[0-9]'", Facts(unlike=("[0-9]",))),
        ("a NOT LIKE '%x'", Facts(unlike=("^.*x$",))),
        ("a LIKE 'x_%'", Facts(patterns=("^x..*$",))),
        ("a ~~ 'x_%'", Facts(patterns=("^x..*$",))),
        ("char_length((a)::text) > 3", Facts(shortest=4)),
        ("length(a) = 4", Facts(shortest=4, longest=4)),
        ("cardinality(a) <= 2", Facts(longest=2)),
        ("a = upper(a)", Facts(fold="upper")),
        ("a", Facts(values=("true",))),
        ("NOT a", Facts(values=("false",))),
        ("a <= now()", Facts(highs=(Bound("now"),))),
        ("json_valid(a) OR a IS NULL", Facts(json=True)),
    ],
)
def test_a_plain_condition_is_understood(condition, facts) -> None:
    assert read(condition).facts["a"] == facts


def test_an_order_of_two_columns_is_seen() -> None:
    assert read("ends > starts").orders == [Order("starts", "ends", strict=True)]


def test_a_computed_column_is_seen() -> None:
    assert read("total = price * quantity").computed == {"total": "price * quantity"}


def test_constants_of_alternatives_are_hints() -> None:
    facts = read("(kind = 'a' AND x IS NULL) OR (kind = 'b' AND x IS NOT NULL)").facts
    assert facts["kind"].hints == ("a", "b")
    assert facts["x"].torn
