"""Values stay within their type and their facts."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unslow.lab.seeding import _fitting, _values
from unslow.lab.seeding._making import Unknown
from unslow.lab.seeding._numbers import WHOLE
from unslow.lab.seeding._words import COUNTRIES
from unslow.lab.seeding.schema import Bound, Column, Facts, Statistics, Type

SEEDS = st.integers(0, 10**9)


def values(column: Column, count: int = 30, seed: int = 0, rows: int = 1000) -> list:
    make = _values.maker("things", column, rows)
    random = Random(seed)
    return [make(random, number) for number in range(1, count + 1)]


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(Unknown, match="geometry"):
        values(Column("shape", Type("geometry", "geometry")))


@given(st.sampled_from(["int2", "int4", "int8"]), st.integers(), st.integers(0, 10**6), SEEDS)
def test_whole_numbers_stay_between_their_bounds(name, low, span, seed) -> None:
    limit = WHOLE[name]
    low = max(-limit, min(low, limit - 1 - span))
    facts = Facts((Bound(str(low)),), (Bound(str(low + span)),))
    for value in values(Column("amount", Type(name), facts=facts), 5, seed):
        assert low <= value <= low + span


@given(st.integers(1, 20), st.integers(-3, 20), SEEDS)
def test_a_decimal_fits_its_precision(precision, scale, seed) -> None:
    kind = Type("numeric", precision=precision, scale=min(scale, precision))
    for value in values(Column("price", kind), 5, seed):
        assert abs(value) < Decimal(10) ** (kind.precision - kind.scale)
        assert value == value.quantize(Decimal(1).scaleb(-kind.scale))


@given(st.decimals(-(10**6), 10**6, places=2), st.decimals(0, 1000, places=2), SEEDS)
def test_decimals_stay_between_strict_bounds(low, span, seed) -> None:
    high = low + span + Decimal("0.02")
    facts = Facts((Bound(str(low), strict=True),), (Bound(str(high), strict=True),))
    kind = Type("numeric", precision=12, scale=2)
    assert all(low < one < high for one in values(Column("total", kind, facts=facts), 5, seed))


@given(
    st.sampled_from(["name", "email", "url", "body", "x", "password"]), st.integers(1, 80), SEEDS
)
def test_a_text_fits_its_length(name, length, seed) -> None:
    made = values(Column(name, Type("varchar", length=length)), 5, seed)
    assert all(0 < len(text) <= length for text in made)


@given(st.sampled_from(["name", "code", "body"]), st.integers(1, 30), st.integers(0, 30), SEEDS)
def test_a_text_has_the_length_that_a_check_demands(name, shortest, more, seed) -> None:
    facts = Facts(shortest=shortest, longest=shortest + more)
    for text in values(Column(name, Type("text"), facts=facts), 5, seed):
        assert shortest <= len(text) <= shortest + more


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 400), SEEDS)
def test_days_stay_between_their_bounds(first, days, seed) -> None:
    last = first + timedelta(days=days)
    facts = Facts((Bound(str(first)),), (Bound(str(last)),))
    made = values(Column("made", Type("date"), facts=facts), 5, seed)
    assert all(first <= one <= last for one in made)


def test_the_future_is_later_than_any_run() -> None:
    facts = Facts(lows=(Bound("now", strict=True),))
    made = values(Column("starts", Type("timestamp"), facts=facts))
    assert min(made) > datetime(2035, 1, 1)


def test_a_listed_value_is_chosen_and_an_excluded_one_is_not() -> None:
    facts = Facts(values=("new", "paid", "lost"), excluded=("lost",))
    made = values(Column("status", Type("varchar", length=9), facts=facts), 200)
    assert set(made) == {"new", "paid"}


def test_a_plain_text_is_kept_where_it_matches_the_pattern() -> None:
    facts = Facts(patterns=("^[a-z0-9.]+@[a-z.]+$",))
    made = values(Column("email", Type("text"), facts=facts))
    assert all(text.endswith("@example.com") for text in made)


def test_a_text_has_nothing_that_it_may_not_have() -> None:
    facts = Facts(unlike=("[0-9]",))
    made = values(Column("code", Type("varchar", length=7), facts=facts))
    assert all(text.isalpha() for text in made)


def test_the_table_tells_what_a_name_is_of() -> None:
    name = Column("name", Type("text"))
    people = _values.maker("public.shop_customer", name, 10)(Random(0), 1)
    countries = _values.maker("public.accounts_country", name, 10)(Random(0), 1)
    assert len(people.split()) == 2
    assert countries in COUNTRIES.values()


@given(SEEDS)
def test_a_fresh_text_is_another_one_within_the_length(seed) -> None:
    column = Column("code", Type("varchar", length=4))
    fresh = _fitting.fresh(column, Facts())
    assert fresh is not None
    made = [fresh("abcd", number) for number in range(1, 1000)]
    assert len(set(made)) == len(made)
    assert all(len(text) <= 4 for text in made)


def test_no_fresh_value_is_made_of_a_list() -> None:
    assert _fitting.fresh(Column("kind", Type("text")), Facts(values=("a",))) is None


def test_values_follow_the_statistics() -> None:
    known = Statistics(0.5, ("7", "8"), (0.4, 0.05), ("100", "200", "300"), 50)
    made = values(Column("n", Type("int4"), statistics=known), 2000)
    assert 0.74 < made.count(7) / len(made) < 0.86
    rest = [value for value in made if value not in (7, 8)]
    assert all(100 <= value <= 300 for value in rest)
    assert _values.null_share(Column("n", Type("int4"), statistics=known)) == 0.5


def test_as_many_values_differ_as_the_statistics_count() -> None:
    known = Statistics(distinct=12)
    assert len(set(values(Column("city", Type("text"), statistics=known), 500))) <= 12


def test_an_unusable_password_is_written() -> None:
    made = values(Column("password", Type("varchar", length=128)))
    assert all(text.startswith("!") for text in made)
