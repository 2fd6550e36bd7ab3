"""Gives statements that differ only in their values one shape and one fingerprint."""

import re
from functools import lru_cache
from hashlib import blake2b

_TOKEN = re.compile(
    r"""
      (?P<space> (?: \s | --[^\n]* | /\*.*?(?:\*/|\Z) )+ )
    | (?P<quoted> "(?:[^"]|"")*" | `[^`]*` )
    | (?P<string> \b[eE]'(?:[^'\\]|''|\\.)*(?:'|\\?\Z)
                | (?:\b[bBxXnN]|\b[uU]&)?'(?:[^']|'')*(?:'|\Z)
                | \$(?P<tag>[A-Za-z_]\w*)?\$.*?(?:\$(?P=tag)?\$|\Z)
                | ["`].*\Z )  # a value that is cut off is one all the same
    | (?P<placeholder> %\(\w+\)[sbt] | %[sbt](?!\w) | \$\d+ | \?\d*(?![|&])
                     | (?<![:\w]):[A-Za-z_]\w* )
    | (?P<number> (?<![\w.$"])(?:0[xX][0-9a-fA-F]+ | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?!\w) )
    """,
    re.VERBOSE | re.DOTALL,
)
_ITEM = r"(?:-?\?|NULL|DEFAULT)(?:::[A-Za-z_][\w .]*(?:\(\?(?:, \?)*\))?(?:\[\])?)?"
_LIST = re.compile(rf"(\bIN ?\(|\bARRAY ?\[) ?{_ITEM}(?: ?, ?{_ITEM})* ?(?=[)\]])", re.IGNORECASE)
_GROUP = r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
_ROWS = re.compile(rf"(\bVALUES ?|\bIN ?\( ?)({_GROUP})(?: ?, ?\2)+", re.IGNORECASE)
_NAMED = re.compile(
    r"^(SAVEPOINT|RELEASE(?: SAVEPOINT)?|ROLLBACK TO(?: SAVEPOINT)?|DECLARE|CLOSE"
    r'|(?:FETCH|MOVE) [\w ?]*(?:FROM|IN)) ("[^"]*"|\w+)',
    re.IGNORECASE,
)
_WRITE_IN_CTE = re.compile(
    r"\b(INSERT INTO|(?<!FOR )(?<!KEY )(?<!DO )UPDATE|DELETE FROM)\b", re.IGNORECASE
)
_KINDS = {"select": "select", "insert": "insert", "update": "update", "delete": "delete"}
_READS = frozenset({"values", "table", "fetch"})
_LONGEST_REMEMBERED = 10_000  # characters; thousands of megabyte statements would fill the memory
_LONGEST = 200_000  # characters; a longer statement is cut before it is folded


def shape(sql: str) -> str:
    """The statement with literals and placeholders as `?`, and lists of them as one."""
    return _remembered(sql) if len(sql) <= _LONGEST_REMEMBERED else _shape(sql)


def _shape(sql: str) -> str:
    text = _TOKEN.sub(_fold, sql[:_LONGEST]).strip(" ;")
    text = _LIST.sub(r"\1?", text)
    text = _ROWS.sub(r"\1\2", text)
    return _NAMED.sub(r"\1 ?", text)


_remembered = lru_cache(maxsize=4096)(_shape)


@lru_cache(maxsize=4096)
def fingerprint(shape: str) -> str:
    """A short stable name for a shape: 16 hexadecimal digits."""
    return blake2b(shape.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


@lru_cache(maxsize=4096)
def kind(shape: str) -> str:
    """`select`, `insert`, `update`, `delete` or `other`, by the shape's main verb."""
    word = shape.lstrip("( ").partition(" ")[0].lower()
    if word == "with":
        write = _WRITE_IN_CTE.search(shape)
        return write.group(1).partition(" ")[0].lower() if write else "select"
    return "select" if word in _READS else _KINDS.get(word, "other")


def _fold(match: re.Match[str]) -> str:
    if match.lastgroup == "space":
        return " "
    return match.group() if match.lastgroup == "quoted" else "?"
