"""Breaks one statement into lines as black does: at its last brackets, then at its delimiters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

OPENING, CLOSING = frozenset("([{"), frozenset(")]}")
INDENT = "    "

COMPREHENSION, COMMA, TERNARY, LOGIC, STRING, COMPARATOR, DOT = 20, 18, 16, 14, 12, 10, 1
MATH = {"|": 9, "^": 8, "&": 7, "<<": 6, ">>": 6, "+": 5, "-": 5, "*": 4, "/": 4, "//": 4}
MATH |= {"%": 4, "@": 4}
COMPARISONS = frozenset({"<", ">", "==", "!=", "<=", ">=", "in", "is", "not"})
KEYWORDS = frozenset(
    """
    and or not in is if else for lambda return await yield from async assert del raise while
    with elif import as except
    """.split()  # noqa: SIM905
)


@dataclass(eq=False)
class Atom:
    """A token; `space` says whether a blank stands before it on one line.

    An optional bracket has no text until a split makes it visible. A `fresh` comma is there
    only because a layout that is gone wanted one.
    """

    text: str
    space: bool = False
    kind: str = ""  # "(", ")", "string", "name" or ""
    pair: Atom | None = field(default=None, repr=False)

    @property
    def opens(self) -> bool:
        return self.kind == "("

    @property
    def closes(self) -> bool:
        return self.kind == ")"


class CannotSplit(Exception):
    """The statement has no bracket to break at, or would read worse broken."""


@dataclass(frozen=True)
class Line:
    atoms: Sequence[Atom]
    depth: str  # the white space before it
    inside: bool = False  # the body of a bracket
    splits: bool = False  # its commas break it, though it may fit

    def __str__(self) -> str:
        return self.depth + flat(self.atoms)


@dataclass(frozen=True)
class Right:
    """A line split at a bracket: head with the opening one, body, tail with the closing one."""

    head: Line
    body: Line
    tail: Line
    opening: Atom
    closing: Atom


def flat(atoms: Sequence[Atom]) -> str:
    text = "".join(f" {a.text}" if a.space and n else a.text for n, a in enumerate(atoms))
    return text.lstrip(" ")


def split(line: Line, limit: int, comment: str = "", definition: bool = False) -> list[str]:
    """The lines of a statement whose last one bears `comment`, the `limit` kept where it can be."""
    width = limit - len(comment)
    if not _magic(line.atoms) and len(str(line)) <= width:
        return [str(line) + comment]
    lines = _transformed(line, limit, definition=definition)
    return [str(one) for one in lines[:-1]] + [str(lines[-1]) + comment]


def _transformed(line: Line, limit: int, *, definition: bool = False) -> list[Line]:
    if _short(line, limit) and not line.splits and not _magic(line.atoms):
        return [line]
    if definition:
        try:
            return _each(_left_hand(line), limit)
        except CannotSplit:
            return [line]
    if line.inside:
        try:
            return _each(_delimited(line), limit)
        except CannotSplit:
            pass
    optional = any(a.opens and not a.text for a in line.atoms)
    try:
        lines = _each(_right_hand(line, limit), limit)
    except CannotSplit:
        lines = [line]
    if not optional or _short(lines[0], limit):
        return lines
    try:
        second = _each(_forced(line, limit), limit)
    except CannotSplit:
        return lines
    return second if all(_short(one, limit) for one in second) else lines


def _each(lines: Sequence[Line], limit: int) -> list[Line]:
    if len(lines) == 1:
        raise CannotSplit
    return [part for line in lines for part in _transformed(line, limit)]


def _short(line: Line, limit: int) -> bool:
    return len(str(line)) <= limit


def _magic(atoms: Sequence[Atom]) -> bool:
    """Whether a comma before a closing bracket says: one element a line."""
    for before, after in pairwise(atoms):
        if before.text == "," and after.closes and after.text and not _one_tuple(atoms, after):
            return True
    return False


def _one_tuple(atoms: Sequence[Atom], closing: Atom) -> bool:
    """`(1,)` and `x[1,]` need their comma; so do no calls."""
    opening = closing.pair
    start = next((n for n, a in enumerate(atoms) if a is opening), None)
    if start is None or (start and atoms[start - 1].text == "import"):
        return False
    if closing.text == ")" and (start == 0 or _may_precede_literal(atoms[start - 1])):
        return sum(1 for _ in _commas(atoms[start + 1 :], closing)) == 1
    return closing.text == "]" and start > 0 and not _may_precede_literal(atoms[start - 1])


def _commas(atoms: Sequence[Atom], closing: Atom) -> Iterator[Atom]:
    depth = 0
    for atom in atoms:
        if atom is closing:
            return
        depth += atom.opens - atom.closes
        if atom.text == "," and depth == 0:
            yield atom


def _may_precede_literal(atom: Atom) -> bool:
    """Whether a bracket after `atom` is a literal's, not a call's or a subscript's."""
    return not (atom.closes or atom.kind == "string") and (
        atom.kind != "name" or atom.text in KEYWORDS
    )


def _right_hand(line: Line, limit: int) -> list[Line]:
    for omit in _trailers(line, limit):
        lines = _kept(line, _last_bracket(line, omit), limit, omit)
        if _short(lines[0], limit) and not _magic(lines[0].atoms):
            return lines
    return _kept(line, _last_bracket(line, frozenset()), limit, frozenset())


def _forced(line: Line, limit: int) -> list[Line]:
    """The same with every optional bracket that is the last one made visible."""
    return _kept(line, _last_bracket(line, frozenset()), limit, frozenset(), force=True)


def _trailers(line: Line, limit: int) -> Iterator[frozenset[Atom]]:
    """Ever more closing brackets at the end to leave alone."""
    omit: set[Atom] = set()
    yield frozenset()
    length = len(line.depth)
    opening: Atom | None = None
    closing: Atom | None = None
    inner: set[Atom] = set()
    for index in range(len(line.atoms) - 1, -1, -1):
        atom = line.atoms[index]
        length += len(atom.text) + atom.space
        if length > limit:
            break
        if opening is not None:
            if atom is opening:
                opening = None
            elif atom.closes:
                inner.add(atom)
                if _magic(line.atoms[index - 1 : index + 1]):
                    break
        elif atom.closes:
            before = line.atoms[index - 1] if index else None
            if before is not None and before.opens:
                inner.add(atom)
                continue
            if closing is not None:
                omit |= {closing, *inner}
                inner.clear()
                yield frozenset(omit)
            if before is not None and before.text == "," and not _one_tuple(line.atoms, atom):
                break
            if atom.text:
                opening, closing = atom.pair, atom


def _last_bracket(line: Line, omit: frozenset[Atom]) -> Right:
    atoms = line.atoms
    for index in range(len(atoms) - 1, -1, -1):
        closing = atoms[index]
        if closing.closes and closing not in omit:
            start = next((n for n, a in enumerate(atoms) if a is closing.pair), -1)
            if start < 0:
                raise CannotSplit
            body = atoms[start + 1 : index]
            if not body:
                omit = omit | {closing}
                continue
            return _at(line, start, index)
    raise CannotSplit


def _at(line: Line, start: int, stop: int) -> Right:
    atoms = line.atoms
    body = atoms[start + 1 : stop]
    opening = atoms[start]
    imported = atoms[0].text == "from" and bool(start) and atoms[start - 1].text == "import"
    literal = imported or start == 0 or _may_precede_literal(atoms[start - 1])
    commas = [atom for atom, rank in delimiters(body).items() if rank == COMMA]
    trailing = bool(commas) and body[-1] is commas[-1]
    rest = commas[:-1] if trailing else commas
    splits = (
        (imported or bool(opening.text))
        and not _comprehends(body)
        and bool(rest)
        and (literal or trailing)
    )
    return Right(
        Line(atoms[: start + 1], line.depth),
        Line(body, line.depth + INDENT, True, splits),
        Line(atoms[stop:], line.depth),
        opening,
        atoms[stop],
    )


def _kept(
    line: Line, right: Right, limit: int, omit: frozenset[Atom], force: bool = False
) -> list[Line]:
    """The split at `right`, or one that does without its optional brackets."""
    optional = not right.opening.text
    if optional and not force and _can_omit(right, limit):
        fewer = omit | {right.closing}
        try:
            other = _last_bracket(line, fewer)
            if _prefers(other, right, limit):
                return _kept(line, other, limit, fewer)
        except CannotSplit:
            if not _splittable(right.body) and _short(right.body, limit):
                raise
            if not (_splittable(right.body) or _short(right.body, limit)):
                raise
            if len(right.head.atoms) == 1 and not _short(right.body, limit):
                raise
    if len(right.head.atoms) == 0 or not right.body.atoms:
        raise CannotSplit
    return _visible(right)


def _visible(right: Right) -> list[Line]:
    if right.opening.text:
        return [right.head, right.body, right.tail]
    head = [*right.head.atoms[:-1], Atom("(", right.opening.space, "(")]
    tail = [Atom(")", False, ")"), *right.tail.atoms[1:]]
    return [Line(head, right.head.depth), right.body, Line(tail, right.tail.depth)]


def _prefers(other: Right, right: Right, limit: int) -> bool:
    """Whether the split without optional brackets reads better."""
    head = right.head.atoms
    if len(head) < 2 or head[-2].text != "=":
        return True
    if not any(a.kind in "()" and a.kind and a.text for a in head[:-1]):
        return True
    if not _short(right.head, limit - 1) or _magic(head):
        return True
    if not any(a.text == "=" for a in other.head.atoms):
        return False
    for atom in reversed(other.head.atoms):
        if atom.text == "=":
            break
        if atom.closes:
            return True
    return _short(other.head, limit)


def _can_omit(right: Right, limit: int) -> bool:
    body = right.body.atoms
    found = delimiters(body)
    if not found:
        return True
    most = max(found.values())
    if sum(1 for one in found.values() if one == most) > 1:
        return False
    if most == DOT:
        return True
    if body[0].opens and body[0].text and _fits_after_first(right.body, limit):
        return True
    last = body[-1]
    if last.closes and last.text:
        if body[-2].opens:
            return False
        return _fits_before_last(right.body, limit)
    return False


def _fits_before_last(line: Line, limit: int) -> bool:
    length, others = len(line.depth), False
    for atom in line.atoms:
        length += len(atom.text) + atom.space
        if atom is line.atoms[-1].pair:
            return others or length <= limit
        others = others or atom.opens
    return False


def _fits_after_first(line: Line, limit: int) -> bool:
    length, remainder = len(line.depth), False
    if line.atoms[1].closes:
        return False
    for atom in line.atoms:
        if atom.closes and atom.pair is line.atoms[0]:
            remainder = True
        if remainder:
            length += len(atom.text) + atom.space
            if length > limit:
                return False
            if atom.opens:
                remainder = False
    return remainder


def _splittable(line: Line) -> bool:
    """False for what surely cannot be split: one atom, or a string with one method call."""
    atoms = line.atoms
    if len(atoms) < 2:
        return False
    if atoms[0].kind == "string" and atoms[1].text == ".":
        return sum(a.opens for a in atoms) > 1
    return any(a.opens and not atoms[n + 1].closes for n, a in enumerate(atoms[:-1])) or bool(
        delimiters(atoms)
    )


def _delimited(line: Line) -> list[Line]:
    """One line for each element, operand or call of a bracket's body."""
    atoms = line.atoms
    found = delimiters(atoms)
    if found.get(atoms[-1]) == COMMA:
        del found[atoms[-1]]
    if not found:
        raise CannotSplit
    most = max(found.values())
    if most == DOT and sum(1 for one in found.values() if one == DOT) < 2:
        raise CannotSplit
    parts: list[list[Atom]] = [[]]
    for atom in atoms:
        if found.get(atom) == most and most != COMMA and parts[-1]:
            parts.append([])
        parts[-1].append(atom)
        if found.get(atom) == most == COMMA:
            parts.append([])
    parts = [part for part in parts if part]
    if most == COMMA and parts[-1][-1].text != ",":
        parts[-1].append(Atom(","))
    return [Line(part, line.depth, True) for part in parts]


def _left_hand(line: Line) -> list[Line]:
    """A `def` at its parameters."""
    start = next((n for n, a in enumerate(line.atoms) if a.opens and a.text == "("), -1)
    if start < 0:
        raise CannotSplit
    stop = next(n for n, a in enumerate(line.atoms) if a is line.atoms[start].pair)
    if stop == start + 1:
        raise CannotSplit
    right = _at(line, start, stop)
    body = right.body.atoms
    commas = list(_commas([*body, right.closing], right.closing))
    inner = Line(body if commas else [*body, Atom(",")], right.body.depth, True, right.body.splits)
    return [right.head, inner, right.tail]


def _comprehends(atoms: Sequence[Atom]) -> bool:
    return COMPREHENSION in delimiters(atoms).values()


def delimiters(atoms: Sequence[Atom]) -> dict[Atom, int]:
    """The atoms of the outermost level where a line may be broken, with their priorities."""
    found: dict[Atom, int] = {}
    depth, before, comprehension, parameters, target = 0, None, False, False, False
    for number, atom in enumerate(atoms):
        depth -= atom.closes
        target = target and not (depth == 0 and atom.text == "in")
        if depth == 0 and not target and not (parameters and atom.text == ","):
            rank = _rank(atoms, number, before, comprehension)
            if rank:
                found[atom] = rank
            if atom.kind == "name":
                target = atom.text == "for"
                comprehension = comprehension or target
                parameters = parameters or atom.text == "lambda"
            elif atom.text == ",":
                comprehension = False
            elif atom.text == ":":
                parameters = False
        depth += atom.opens
        before = atom
    return found


def _rank(atoms: Sequence[Atom], number: int, before: Atom | None, comprehension: bool) -> int:
    atom = atoms[number]
    if atom.text == ",":
        return COMMA
    if before is None:
        return 0
    if atom.kind == "string":
        return STRING if before.kind == "string" else 0
    if atom.kind == "name":
        return _rank_of_word(atoms, number, before, comprehension)
    if atom.text == ".":
        return DOT if before.closes and before.text in (")", "]") else 0
    binary = (
        before.closes
        or before.kind == "string"
        or (before.kind in ("name", "number") and before.text not in KEYWORDS)
    )
    if not binary:
        return 0
    if atom.text in COMPARISONS:
        return COMPARATOR
    return MATH.get(atom.text, 0)


def _rank_of_word(atoms: Sequence[Atom], number: int, before: Atom, comprehension: bool) -> int:
    word = atoms[number].text
    after = atoms[number + 1].text if number + 1 < len(atoms) else ""
    if word == "async" and after == "for":
        return COMPREHENSION
    if word == "for":
        return 0 if before.text == "async" else COMPREHENSION
    if word == "if":
        return COMPREHENSION if comprehension else TERNARY
    if word == "else":
        return TERNARY
    if word in ("and", "or"):
        return LOGIC
    if word == "not":
        return COMPARATOR if after == "in" else 0
    if word == "in":
        if before.text == "not" or _is_target(atoms, number):
            return 0
        return COMPARATOR
    return COMPARATOR if word == "is" else 0


def _is_target(atoms: Sequence[Atom], number: int) -> bool:
    """Whether the `in` ends the target of a `for`."""
    depth = 0
    for atom in reversed(atoms[:number]):
        depth += atom.closes - atom.opens
        if depth == 0 and atom.kind == "name":
            if atom.text == "for":
                return True
            if atom.text in ("in", "if", "else", "and", "or"):
                return False
    return False
