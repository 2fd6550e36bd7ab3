"""Writes texts that a plain regular expression matches."""

import re
import string
from random import Random
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

MOST_REPEATS = 8  # of what may be repeated without end
ANY = string.ascii_lowercase
OUTSIDE_PYTHON = {
    r"[[:alpha:]]": "[A-Za-z]",
    r"[[:digit:]]": "[0-9]",
    r"[[:alnum:]]": "[A-Za-z0-9]",
    r"[[:space:]]": r"\s",
    r"[[:upper:]]": "[A-Z]",
    r"[[:lower:]]": "[a-z]",
    "[:alpha:]": "A-Za-z",
    "[:digit:]": "0-9",
    "[:alnum:]": "A-Za-z0-9",
    "[:space:]": r"\s",
    "[:upper:]": "A-Z",
    "[:lower:]": "a-z",
    r"\m": "",
    r"\M": "",
    r"\y": "",
}
CLASSES = {
    codes.CATEGORY_DIGIT: string.digits,
    codes.CATEGORY_WORD: string.ascii_letters + string.digits + "_",
    codes.CATEGORY_SPACE: " ",
}
ALL = string.ascii_letters + string.digits + "-_.,:;!?/ "


class Unwritable(Exception):
    """The expression has a part that no text can be written for (a look-ahead)."""


class Pattern:
    """A regular expression, of PostgreSQL or Python, that texts are written for."""

    def __init__(self, expression: str) -> None:
        for theirs, ours in OUTSIDE_PYTHON.items():
            expression = expression.replace(theirs, ours)
        try:
            self._tree = parser.parse(expression)
            self._compiled = re.compile(expression)
        except (re.error, RecursionError) as error:
            raise Unwritable(str(error)) from error
        self.write(Random(0))

    def matches(self, text: str) -> bool:
        return self._compiled.search(text) is not None

    def write(self, random: Random) -> str:
        groups: dict[int, str] = {}
        return _sequence(self._tree, random, groups)


def _sequence(tree: Any, random: Random, groups: dict[int, str]) -> str:
    return "".join(_part(code, argument, random, groups) for code, argument in tree)


def _part(code: Any, argument: Any, random: Random, groups: dict[int, str]) -> str:
    match code:
        case codes.LITERAL:
            return chr(argument)
        case codes.NOT_LITERAL:
            return random.choice([one for one in ANY if ord(one) != argument])
        case codes.ANY:
            return random.choice(ANY)
        case codes.IN:
            return random.choice(_members(argument))
        case codes.BRANCH:
            return _sequence(random.choice(argument[1]), random, groups)
        case codes.SUBPATTERN:
            text = _sequence(argument[3], random, groups)
            if argument[0] is not None:
                groups[argument[0]] = text
            return text
        case codes.GROUPREF:
            return groups.get(argument, "")
        case codes.MAX_REPEAT | codes.MIN_REPEAT | codes.POSSESSIVE_REPEAT:
            least, most, inner = argument
            most = least + MOST_REPEATS if most == codes.MAXREPEAT else most
            count = random.randint(least, min(most, least + MOST_REPEATS * 4))
            return "".join(_sequence(inner, random, groups) for _ in range(count))
        case codes.ATOMIC_GROUP:
            return _sequence(argument, random, groups)
        case codes.AT:
            return ""
    raise Unwritable(str(code))


def _members(items: Any) -> str:
    found: list[str] = []
    is_negated = False
    for code, argument in items:
        if code == codes.NEGATE:
            is_negated = True
        elif code == codes.LITERAL:
            found.append(chr(argument))
        elif code == codes.RANGE:
            low, high = argument
            found += [chr(one) for one in range(low, min(high, low + 256) + 1)]
        elif code == codes.CATEGORY and argument in CLASSES:
            found += CLASSES[argument]
        elif code == codes.CATEGORY:
            inside = CLASSES.get(_opposite(argument), "")
            found += [one for one in ALL if one not in inside]
    if is_negated:
        found = [one for one in ALL if one not in found]
    if not found:
        raise Unwritable("an empty class")
    return "".join(found)


def _opposite(category: Any) -> Any:
    return {
        codes.CATEGORY_NOT_DIGIT: codes.CATEGORY_DIGIT,
        codes.CATEGORY_NOT_WORD: codes.CATEGORY_WORD,
        codes.CATEGORY_NOT_SPACE: codes.CATEGORY_SPACE,
    }.get(category)
