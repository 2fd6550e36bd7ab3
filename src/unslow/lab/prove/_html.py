"""Compares HTML by tags and words, without the tokens that every answer renews."""

import re
from collections.abc import Iterator

from unslow.lab.prove._json import Difference, shorten

# Attributes whose value is a fresh secret by design: CSP nonces, CSRF inputs and meta tags.
_NONCE = re.compile(r"""(\bnonce\s*=\s*)("[^"]*"|'[^']*')""", re.IGNORECASE)
_SECRET_TAG = re.compile(
    r"<(?:input|meta)\b[^>]*(?:csrf|authenticity_token|xsrf)[^>]*>", re.IGNORECASE
)
_SECRET_VALUE = re.compile(r"""(\b(?:value|content)\s*=\s*)("[^"]*"|'[^']*')""", re.IGNORECASE)
_PIECE = re.compile(r"<[^>]*>|[^<\s]+")

MASKED_LENGTH = 8  # shorter noise is masked at its place alone, never by its form


def pieces(body: bytes) -> list[str]:
    """Tags and words of the page, its known tokens replaced."""
    text = body.decode("utf-8", "replace")
    text = _NONCE.sub(r'\1"*"', text)
    text = _SECRET_TAG.sub(lambda tag: _SECRET_VALUE.sub(r'\1"*"', tag[0]), text)
    return [" ".join(piece.split()) for piece in _PIECE.findall(text)]


def form(piece: str) -> str:
    """What a token looks like: digits and hex runs folded, so that another of its kind matches."""
    return re.sub(r"[A-Za-z0-9+/_=-]{8,}|\d+", lambda run: "0" * min(len(run[0]), 8), piece)


def noise(one: list[str], other: list[str]) -> tuple[frozenset[int], frozenset[str]] | None:
    """Positions and forms of the pieces that differ; None when the pages differ in length."""
    if len(one) != len(other):
        return None
    places = frozenset(
        place for place, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]
    )
    long = (one[place] for place in places if len(one[place]) >= MASKED_LENGTH)
    return places, frozenset(form(piece) for piece in long)


def differences(
    before: list[str], after: list[str], places: frozenset[int], forms: frozenset[str]
) -> Iterator[Difference]:
    """Every piece that differs and is not masked; a page of another length is one difference."""
    for place, (left, right) in enumerate(zip(before, after, strict=False)):
        if left == right or place in places:
            continue
        if form(left) in forms and form(left) == form(right):
            continue
        around = " ".join(before[max(0, place - 3) : place])
        yield Difference((), f"{shorten(around)} {shorten(left)}".strip(), shorten(right))
        return
    if len(before) != len(after):
        yield Difference((), f"{len(before)} pieces of text", f"{len(after)} pieces of text")
