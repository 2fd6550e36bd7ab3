"""Compares HTML, XML and plain text by tags and words, without the tokens that answers renew."""

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from html.parser import HTMLParser
from typing import NamedTuple
from xml.parsers import expat

from unslow.lab.prove import _kinds
from unslow.lab.prove._json import Difference, Mask, Masks, shorten

# A page is aligned word by word where its parts differ in length; beyond this it is too costly.
MOST_ALIGNED = 20_000

_WORD = re.compile(r"\w[\w.:+-]*=*|\S")
_COLUMNS = frozenset({"td", "th", "dt", "dd"})  # told apart by their place in the row
_SECRET = re.compile(r"csrf|authenticity_token|xsrf", re.IGNORECASE)
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param"}
    | {"source", "track", "wbr"}
)


class Piece(NamedTuple):
    """A tag or a word, and where on the page it stands."""

    place: str
    text: str


def html(body: bytes) -> list[Piece]:
    page = _Page()
    page.feed(body.decode("utf-8", "replace"))
    page.close()
    return page.pieces


def xml(body: bytes) -> list[Piece]:
    """The pieces of a document; of what is not well-formed, those of its text as HTML."""
    walk = _Walk()
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda tag, attributes: walk.start(tag, attributes.items())
    parser.EndElementHandler = walk.end
    parser.CharacterDataHandler = walk.words
    parser.buffer_text = True
    try:
        parser.Parse(body, True)
    except expat.ExpatError:
        return html(body)
    return walk.pieces


def text(body: bytes) -> list[Piece]:
    walk = _Walk()
    for line in body.decode("utf-8", "replace").splitlines():
        walk.words(line)
        walk.pieces.append(Piece("line", "\n"))
    return walk.pieces


def learn(one: Sequence[Piece], other: Sequence[Piece]) -> Iterator[Mask]:
    """The masks that make two pages of identical code equal."""
    for before, after, place in _chunks(one, other):
        if len(before) != len(after):
            yield Mask((place,), "length")
            continue
        for left, right in zip(before, after, strict=True):
            if left != right:
                yield Mask((left.place,), _kinds.common(left.text, right.text))


def differences(
    before: Sequence[Piece], after: Sequence[Piece], masks: Masks
) -> Iterator[Difference]:
    """Every piece that differs and is not masked, in the order of the page."""
    for left, right, place in _chunks(before, after):
        if len(left) != len(right):
            if "length" not in masks.get((place,), ()):
                yield _difference(before, left, right)
            continue
        for one, other in zip(left, right, strict=True):
            hows = masks.get((one.place,), frozenset())
            if one != other and not any(_kinds.fits(how, one.text, other.text) for how in hows):
                yield _difference(before, [one], [other])


def _chunks(
    before: Sequence[Piece], after: Sequence[Piece]
) -> Iterator[tuple[Sequence[Piece], Sequence[Piece], str]]:
    """The parts that differ, with the place where each begins."""
    if len(before) == len(after):
        for left, right in zip(before, after, strict=True):
            if left.text != right.text:
                yield [left], [right], left.place
        return
    if max(len(before), len(after)) > MOST_ALIGNED:
        yield before, after, "page"
        return
    first, second = [piece.text for piece in before], [piece.text for piece in after]
    for tag, start, end, low, high in SequenceMatcher(None, first, second).get_opcodes():
        if tag != "equal":
            places = before[start:end] or after[low:high]
            yield before[start:end], after[low:high], places[0].place


def _difference(
    page: Sequence[Piece], before: Sequence[Piece], after: Sequence[Piece]
) -> Difference:
    at = next((n for n, piece in enumerate(page) if before and piece is before[0]), 0)
    around = " ".join(piece.text for piece in page[max(0, at - 3) : at])
    left, right = (shorten(" ".join(piece.text for piece in part)) for part in (before, after))
    return Difference((), f"{shorten(around)} {left or 'missing'}".strip(), right or "missing")


class _Walk:
    """Collects pieces while a document is read."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self._path: list[str] = []
        self._columns: list[int] = [0]

    def start(self, tag: str, attributes: Iterable[tuple[str, str | None]]) -> None:
        given = [(name, value or "") for name, value in attributes]
        self._path.append(self._component(tag, dict(given)))
        self._columns.append(0)
        place = self._place
        self.pieces.append(Piece(place, f"<{tag}>"))
        secret = any(_SECRET.search(value) for _, value in given)
        for name, value in sorted(given):
            known = name == "nonce" or (secret and name in ("value", "content"))
            self.pieces.append(Piece(place, f"{name}="))
            self._add(f"{place}@{name}", "*" if known else value)

    def end(self, tag: str) -> None:
        if self._path:
            self._path.pop()
            self._columns.pop()
        self.pieces.append(Piece(self._place, f"</{tag}>"))

    def words(self, data: str) -> None:
        self._add(self._place, data)

    @property
    def _place(self) -> str:
        return " ".join(self._path)

    def _add(self, place: str, data: str) -> None:
        before = ""
        for word in _WORD.findall(data):
            self.pieces.append(Piece(f"{place} after {before!r}" if before else place, word))
            before = word if _kinds.kind_of(word) == "text" else before

    def _component(self, tag: str, attributes: dict[str, str]) -> str:
        """A tag with what tells it from its neighbours, without what counts rows."""
        name = tag
        if tag in _COLUMNS:
            self._columns[-1] += 1
            name += str(self._columns[-1])
        if identity := attributes.get("id") or attributes.get("class"):
            name += "." + re.sub(r"\d+", "0", identity.split()[0] if identity.split() else "")
        return name


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._walk = _Walk()
        self._open: list[str] = []

    @property
    def pieces(self) -> list[Piece]:
        return self._walk.pieces

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._walk.start(tag, attrs)
        if tag in _VOID:
            self._walk.end(tag)
        else:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._walk.start(tag, attrs)
        self._walk.end(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                self._walk.end(tag)
            self._walk.end(tag)

    def handle_data(self, data: str) -> None:
        self._walk.words(data)

    def handle_comment(self, data: str) -> None:
        self._walk.words(data)

    def handle_decl(self, decl: str) -> None:
        self._walk.words(decl)
