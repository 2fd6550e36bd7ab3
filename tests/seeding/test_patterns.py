"""Texts for regular expressions."""

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unslow.lab.seeding._patterns import Pattern, Unwritable


@pytest.mark.parametrize("expression", ["(?=a)b", "[", "(?<!x)y"])
def test_nothing_is_written_for_what_is_not_plain(expression) -> None:
    with pytest.raises(Unwritable):
        Pattern(expression)


PLAIN = [
    r"^[A-Z]{2}-\d{4,6}$",
    r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$",
    r"^(red|green)(-(light|dark))?$",
    r"^[[:alpha:]_][[:alnum:]_]*$",
    r"^\+?[0-9 ()-]{7,}$",
    r"^(a|b)\1$",
    r"^[^0-9]{3}\D\W$",
    r"(?i:^abc)",
    r"\.pdf$",
]


@given(st.sampled_from(PLAIN), st.integers(0, 10**6))
def test_the_text_matches(expression, seed) -> None:
    pattern = Pattern(expression)
    text = pattern.write(Random(seed))
    assert pattern.matches(text)
    if "[[:" not in expression:
        assert re.search(expression, text)
