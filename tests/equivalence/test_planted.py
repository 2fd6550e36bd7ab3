"""Whatever noise was learned, a real difference elsewhere is found: on generated answers."""

from collections.abc import Iterator
from random import Random
from uuid import UUID

from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as st

from tests.equivalence.answers import difference, given

NOISES = {
    "uuid": lambda random: str(UUID(int=random.getrandbits(128), version=4)),
    "time": lambda random: f"2026-11-22T10:10:10.{random.randrange(10**6):06}Z",
    "epoch": lambda random: 1795342000 + random.random() * 600,
    "token": lambda random: "aZ" + "".join(random.choices("abcXYZ0123456789", k=22)),
    "count": lambda random: random.randrange(10**9),
}
names = st.sampled_from(["id", "name", "state", "total", "note", "rows", "meta", "ref"])
stable = st.one_of(
    st.sampled_from(["paid", "open", "", "Ada Lovelace", "2020-01-01", "a@b.example"]),
    st.integers(-5, 10**6),
    st.booleans(),
    st.none(),
).map(lambda value: ("stable", value))
noisy = st.sampled_from(sorted(NOISES)).map(lambda kind: ("noise", kind))
templates = st.recursive(
    st.one_of(stable, noisy),
    lambda inner: st.one_of(
        st.dictionaries(names, inner, min_size=1, max_size=4).map(lambda one: ("object", one)),
        st.tuples(inner, st.integers(1, 4)).map(lambda one: ("list", one)),
    ),
    max_leaves=12,
)
Template = tuple[str, object]


def rendered(template: Template, random: Random) -> object:
    kind, inner = template
    if kind == "noise":
        return NOISES[inner](random)
    if kind == "object":
        return {key: rendered(value, random) for key, value in inner.items()}
    if kind == "list":
        return [rendered(inner[0], random) for _ in range(inner[1])]
    return inner


def leaves(template: Template, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Paths of the values that are no noise, one for each place in the rendered answer."""
    kind, inner = template
    if kind == "stable":
        yield path
    elif kind == "object":
        for key, value in inner.items():
            yield from leaves(value, (*path, key))
    elif kind == "list":
        for place in range(inner[1]):
            yield from leaves(inner[0], (*path, place))


def planted(value: object, path: tuple[object, ...], other: object) -> object:
    if not path:
        return other
    if isinstance(value, dict):
        return {k: planted(v, path[1:], other) if k == path[0] else v for k, v in value.items()}
    assert isinstance(value, list)
    return [planted(v, path[1:], other) if n == path[0] else v for n, v in enumerate(value)]


def at(value: object, path: tuple[object, ...]) -> object:
    for key in path:
        value = value[key]  # type: ignore[index]
    return value


@settings(max_examples=150, deadline=None)
@generated(template=templates, seed=st.integers(0, 10**6), data=st.data())
def test_a_planted_difference_beside_learned_noise_is_found(template, seed, data) -> None:
    random = Random(seed)
    one, other, third = (rendered(template, random) for _ in range(3))
    assert difference(given(one), given(other), given(third)) == ""
    places = list(leaves(template))
    if places:
        place = data.draw(st.sampled_from(places))
        strangers = [9999999, "another", None, True, [], {"x": 1}]
        stranger = data.draw(st.sampled_from(strangers))
        if stranger == at(third, place) and type(stranger) is type(at(third, place)):
            stranger = "yet another"
        assert difference(given(one), given(other), given(planted(third, place, stranger))) != ""


WORDS = ["Ada", "paid", "17", "order", "2020-01-01", "x@y.example"]
tags = st.sampled_from(["p", "li", "td", "span", "b", "h1"])
parts = st.one_of(
    st.sampled_from(WORDS).map(lambda word: ("stable", word)),
    st.sampled_from(["uuid", "time", "token"]).map(lambda kind: ("noise", kind)),
)
pages = st.lists(st.tuples(tags, st.lists(parts, min_size=1, max_size=4)), min_size=1, max_size=8)


def html(page: list, random: Random, change: tuple[int, int] | None = None) -> str:
    text = ""
    for row, (tag, words) in enumerate(page):
        said = [str(NOISES[word](random)) if kind == "noise" else word for kind, word in words]
        if change and change[0] == row:
            said[change[1]] = "changed"
        text += f'<{tag} class="c{chr(97 + row)}">{" ".join(said)}</{tag}>'
    return f"<html><body>{text}</body></html>"


@settings(max_examples=100, deadline=None)
@generated(page=pages, seed=st.integers(0, 10**6), data=st.data())
def test_a_planted_word_beside_learned_noise_is_found(page, seed, data) -> None:
    random = Random(seed)
    one, other, third = (given(html(page, random), "text/html") for _ in range(3))
    assert difference(one, other, third) == ""
    places = [
        (row, column)
        for row, (_, words) in enumerate(page)
        for column, (kind, _) in enumerate(words)
        if kind == "stable"
    ]
    if places:
        place = data.draw(st.sampled_from(places))
        assert difference(one, other, given(html(page, random, place), "text/html")) != ""
