"""Makes texts fit: into a length, to regular expressions, and apart from all others."""

from collections.abc import Callable, Sequence
from random import Random
from uuid import UUID

from unslow.lab.seeding import _texts, _words
from unslow.lab.seeding._making import Make, Unknown
from unslow.lab.seeding._patterns import Pattern, Unwritable
from unslow.lab.seeding.schema import Column, Facts, Type

TEXTS = ("varchar", "text", "bpchar", "citext", "name")
TRIES = 40  # for a text that has to match more than one thing


def text_of(table: str, column: Column, kind: Type, facts: Facts) -> Make:
    most = longest(kind, facts)
    if column.orm in ("UUIDField", "Uuid", "UUID"):
        return lambda random, number: UUID(int=random.getrandbits(128), version=4)
    write = _texts.writer(table, column.name, column.orm, most)
    least = max(facts.shortest, kind.length or 0) if kind.name == "bpchar" else facts.shortest
    fold = {"upper": str.upper, "lower": str.lower}.get(facts.fold, str)

    def make(random: Random, number: int) -> str:
        text = write(random, number)
        while len(text) < least:
            text += _texts.short(random.getrandbits(40), 8)
        cut = text[:most].rstrip()
        return fold(cut if len(cut) >= max(least, 1) else text[:most].replace(" ", "-"))

    return _matching(make, facts, most) if facts.patterns or facts.unlike else make


def fresh(column: Column, facts: Facts) -> Callable[[object, int], object] | None:
    """Makes a value different from all others, by a number; None where that is not plain."""
    if facts.values is not None or column.type.kind != "base":
        return None
    if column.type.name not in TEXTS:
        return None
    most = longest(column.type, facts)
    fold = str.upper if facts.fold == "upper" else str
    patterns, unlike = patterns_of(facts.patterns), patterns_of(facts.unlike)

    def make(value: object, number: int) -> object:
        text = fold(numbered(str(value), number, most))
        is_good = all(one.matches(text) for one in patterns) and not any(
            one.matches(text) for one in unlike
        )
        return text if is_good else value

    return make


def _matching(plain: Callable[[Random, int], str], facts: Facts, most: int | None) -> Make:
    """The plain text where it matches, as a name or an address may; else one for the pattern."""
    patterns, unlike = patterns_of(facts.patterns), patterns_of(facts.unlike)
    write = [one.write for one in patterns] or [lambda random: random.choice(_words.NOUNS)[:most]]

    def is_good(text: str) -> bool:
        return (
            facts.shortest <= len(text) <= (most or len(text))
            and all(one.matches(text) for one in patterns)
            and not any(one.matches(text) for one in unlike)
        )

    def make(random: Random, number: int) -> object:
        text = plain(random, number)
        for attempt in range(TRIES):
            if is_good(text):
                break
            text = write[attempt % len(write)](random)
        return text

    return make


def patterns_of(expressions: Sequence[str]) -> list[Pattern]:
    try:
        return [Pattern(one) for one in expressions]
    except Unwritable as error:
        raise Unknown(f"no text can be written for {expressions[0]!r}: {error}") from error


def longest(kind: Type, facts: Facts) -> int | None:
    lengths = [one for one in (kind.length, facts.longest) if one is not None]
    return min(lengths) if lengths else None


def numbered(text: str, number: int, most: int | None) -> str:
    """The text with a number in it, before the @ of an address."""
    name, mark, rest = text.partition("@")
    room = None if most is None else most - len(mark + rest)
    if mark and (room is None or room > len(str(number))):
        kept = name if room is None else name[: room - len(str(number))]
        return f"{kept}{number}@{rest}"
    if most is None:
        return f"{text} {number}" if " " in text else f"{text}-{number}"
    if len(text) + len(str(number)) < most:
        return f"{text} {number}" if " " in text else f"{text}-{number}"
    ending = _texts.short(number, min(3, most))
    return text if len(ending) > most else text[: most - len(ending)] + ending
