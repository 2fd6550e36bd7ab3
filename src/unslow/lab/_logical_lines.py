"""Reads source as its logical lines: where each lies, and its tokens as atoms that can be split."""

import io
import token
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from unslow.lab._splitting import KEYWORDS, Atom, Line, delimiters, split

COMPOUND = frozenset({"for", "while", "if", "elif", "with", "def", "class", "else", "try", "match"})
ASSIGNMENTS = frozenset(
    "= += -= *= /= //= %= @= &= |= ^= >>= <<= **=".split()  # noqa: SIM905
)
PRAGMAS = ("# noqa", "# type:", "# pyright:", "# pylint:", "# ty:")
SKIPPED = frozenset({token.NL, token.INDENT, token.DEDENT, token.COMMENT, token.ENCODING})
STARTS = {getattr(token, name, -1) for name in ("FSTRING_START", "TSTRING_START")}
ENDS = {getattr(token, name, -1) for name in ("FSTRING_END", "TSTRING_END")}


@dataclass(frozen=True)
class Piece:
    """A token's text, its kind, and where it lies in the source."""

    text: str
    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Logical:
    """A statement or the header of one: its text lies from `start` to `end`."""

    source: str
    start: int
    end: int
    pieces: tuple[Piece, ...]
    comment: str
    commented: bool  # a comment stands inside it

    @property
    def text(self) -> str:
        return self.source[self.start : self.end]

    @property
    def indent(self) -> str:
        return self.source[self.source.rfind("\n", 0, self.start) + 1 : self.start]

    @property
    def plain(self) -> bool:
        """Whether its layout is nothing but line breaks and commas."""
        texts = [piece.text for piece in self.pieces]
        return not (
            self.commented
            or not texts
            or self.indent.strip(" ")
            or "\\\n" in self.text
            or ";" in texts
            or any("\n" in text for text in texts)
            or (texts[0] in COMPOUND and texts[-1] != ":")
        )

    def formatted(self, limit: int, fresh: Sequence[tuple[int, int]] = ()) -> str:
        """The statement in black's layout; commas that end a line in `fresh` may go."""
        atoms = _optional(_with_choices(_atoms(self, fresh)))
        line = Line(atoms, self.indent)
        first = self.pieces[0].text
        is_def = "def" in (first, self.pieces[1].text if first == "async" else "")
        counted = "" if self.comment.startswith(PRAGMAS) else f"  {self.comment}"
        lines = split(line, limit, counted if self.comment else "", is_def)
        text = "\n".join(lines)
        if self.comment and counted:
            text = text.removesuffix(counted)
        return text[len(self.indent) :]


def logical_lines(source: str) -> list[Logical]:
    """The logical lines of `source`; [] where it is not Python that this interpreter reads."""
    try:
        return list(_logical(source))
    except (tokenize.TokenError, SyntaxError, IndexError):
        return []


def _logical(source: str) -> Iterator[Logical]:
    offsets = [0]
    for line in source.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    pieces: list[Piece] = []
    comments: list[tuple[int, str]] = []
    opened: list[int] = []
    for kind, text, begin, stop, _ in tokenize.generate_tokens(io.StringIO(source).readline):
        start = offsets[begin[0] - 1] + begin[1]
        end = offsets[stop[0] - 1] + stop[1] if stop[0] <= len(offsets) else len(source)
        if kind in STARTS:
            opened.append(start)
        elif kind in ENDS:
            first = opened.pop()
            if not opened:
                pieces.append(Piece(source[first:end], "string", first, end))
        elif opened:
            continue
        elif kind == token.COMMENT:
            comments.append((start, text))
        elif kind in (token.NEWLINE, token.ENDMARKER):
            if pieces:
                yield _line(source, pieces, comments)
            pieces, comments = [], []
        elif kind not in SKIPPED:
            pieces.append(Piece(text, _kind(kind, text), start, end))


def _line(source: str, pieces: Sequence[Piece], comments: Sequence[tuple[int, str]]) -> Logical:
    end = pieces[-1].end
    inside = any(pieces[0].start < at < end for at, _ in comments)
    trailing = next((text for at, text in comments if at >= end), "")
    return Logical(source, pieces[0].start, end, tuple(pieces), trailing, inside)


def _kind(kind: int, text: str) -> str:
    if kind == token.STRING:
        return "string"
    if kind == token.NAME:
        return "name"
    if kind == token.NUMBER:
        return "number"
    if text and text in "([{":
        return "("
    return ")" if text and text in ")]}" else ""


def _atoms(line: Logical, fresh: Sequence[tuple[int, int]]) -> list[Atom]:
    atoms: list[Atom] = []
    opened: list[Atom] = []
    before: Piece | None = None
    for number, piece in enumerate(line.pieces):
        after = line.pieces[number + 1] if number + 1 < len(line.pieces) else None
        if _is_layout_comma(line, piece, after, before, fresh):
            before = piece
            continue
        atom = Atom(piece.text, _space(line.source, before, piece), piece.kind)
        if atoms and atoms[-1].text != "," and before is not None and before.text == ",":
            atom.space = False
        if atom.opens:
            opened.append(atom)
        elif atom.closes and opened:
            atom.pair = opened.pop()
            atom.pair.pair = atom
        atoms.append(atom)
        before = piece
    return atoms


def _is_layout_comma(
    line: Logical,
    piece: Piece,
    after: Piece | None,
    before: Piece | None,
    fresh: Sequence[tuple[int, int]],
) -> bool:
    """Whether a comma that was put there stands only for a line break before a bracket."""
    if piece.text != "," or after is None or after.text not in (")", "]", "}"):
        return False
    return (
        any(a <= piece.start and after.end <= b for a, b in fresh)
        and "\n" in (line.source[piece.end : after.start])
    )


def _space(source: str, before: Piece | None, piece: Piece) -> bool:
    if before is None:
        return False
    gap = source[before.end : piece.start]
    if "\n" not in gap:
        return bool(gap)
    if before.kind == "(" or piece.kind == ")" or piece.text in (",", ".", ":"):
        return False
    if before.text == ".":
        return False
    if piece.kind == "(":
        return not (
            before.kind in (")", "string")
            or (before.kind == "name" and before.text not in KEYWORDS)
        )
    return True


def _optional(atoms: list[Atom]) -> list[Atom]:
    """With invisible brackets around what may get brackets, in the place of needless ones."""
    words = [a.text for a in atoms]
    stop = len(atoms)
    if words[0] in COMPOUND or (words[0] == "async" and words[1] in COMPOUND):
        stop = stop - 1
    start = _value(atoms, stop)
    if start is None or start >= stop:
        return atoms
    value = atoms[start:stop]
    if words[0] == "from" and value[0].text == "(":
        if value[-2].text == ",":
            return atoms
        value = value[1:-1]
    elif value[0].text == "(" and value[0].pair is value[-1] and _needless(value[1:-1]):
        value = value[1:-1]
        value[0].space = False
    opening, closing = Atom("", True, "("), Atom("", False, ")")
    opening.pair, closing.pair = closing, opening
    value[0].space = False
    return [*atoms[:start], opening, *value, closing, *atoms[stop:]]


def _with_choices(atoms: list[Atom]) -> list[Atom]:
    """With invisible brackets around each `a if b else c` within brackets."""
    starts: list[int] = []
    ranges: list[tuple[int, int]] = []
    opened: list[Atom] = []
    words: list[list[str]] = []
    for number, atom in enumerate(atoms):
        if opened and (atom.closes or atom.text in (",", "for", "async")):
            if words[-1] == ["if", "else"] and not _is_alone(atoms, starts[-1], number):
                ranges.append((starts[-1], number))
            words[-1] = [] if atom.text == "," else ["for"]
            starts[-1] = number + 1
        if atom.closes and opened:
            for stack in (opened, starts, words):
                stack.pop()
        elif opened and atom.text in ("if", "else", "lambda"):
            words[-1].append(atom.text)
        elif opened and atom.text in ("=", ":", ":=", "*", "**") and not words[-1]:
            starts[-1] = number + 1
        if atom.opens:
            opened.append(atom)
            starts.append(number + 1)
            words.append([])
    return _bracketed(atoms, ranges)


def _is_alone(atoms: Sequence[Atom], start: int, stop: int) -> bool:
    return atoms[start - 1].text == "(" and atoms[start - 1].pair is atoms[stop]


def _bracketed(atoms: list[Atom], ranges: Sequence[tuple[int, int]]) -> list[Atom]:
    opening: dict[int, list[Atom]] = {}
    closing: dict[int, list[Atom]] = {}
    for start, stop in ranges:
        first, last = Atom("", atoms[start].space, "("), Atom("", False, ")")
        first.pair, last.pair = last, first
        opening.setdefault(start, []).append(first)
        closing.setdefault(stop, []).insert(0, last)
    found: list[Atom] = []
    for number, atom in enumerate(atoms):
        found += closing.get(number, [])
        if number in opening:
            found += opening[number]
            atom.space = False
        found.append(atom)
    return found


def _needless(inner: Sequence[Atom]) -> bool:
    found = delimiters(inner)
    if not inner or inner[0].text == "yield":
        return False
    walrus = any(a.text == ":=" for a in inner)
    return not walrus and (not found or max(found.values()) < 18)


def _value(atoms: Sequence[Atom], stop: int) -> int | None:
    """Where the part of a statement begins that optional brackets may hold."""
    first = atoms[0].text
    if first == "async":
        first = atoms[1].text
    if first in ("return", "if", "elif", "while"):
        return 1
    depth = 0
    assigned = None
    for number, atom in enumerate(atoms[:stop]):
        depth -= atom.closes
        if depth == 0:
            if first == "for" and atom.text == "in":
                return number + 1
            if atom.text == "lambda":
                return assigned
            if first == "from" and atom.text == "import":
                return None if atoms[number + 1].text == "*" else number + 1
            if atom.kind == "" and atom.text in ASSIGNMENTS:
                assigned = number + 1
        depth += atom.opens
    return assigned if first not in COMPOUND else None
