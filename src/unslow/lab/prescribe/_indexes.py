"""The indexes that may cure a scan: columns, directions, a constant condition, and the SQL."""

import ast as python
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from pglast import ast, enums, parse_sql
from pglast.parser import ParseError

from unslow.lab.prescribe._source import Source
from unslow.model import Finding, IndexEvidence, Table

DETECTORS = frozenset({"unindexed-filter", "unindexed-sort"})
FUNCTION = re.compile(r"(?P<function>lower|upper)\((?P<column>.+)\)")
MAX_NAME = 63  # characters: PostgreSQL cuts what is longer


@dataclass(frozen=True)
class Key:
    """A column, or what `function` makes of it."""

    column: str
    descending: bool = False
    function: str = ""

    @property
    def text(self) -> str:
        """As SQL without quotes."""
        return f"{self.function}({self.column})" if self.function else self.column

    @property
    def sql(self) -> str:
        quoted = _quoted(self.column)
        return (f"{self.function}({quoted})" if self.function else quoted) + self.direction

    @property
    def direction(self) -> str:
        return " DESC" * self.descending


@dataclass(frozen=True)
class Test:
    """A constant condition: `column` equals `value`; None: is null; `negated`: is not."""

    column: str
    value: str | int | bool | None
    negated: bool = False


@dataclass(frozen=True)
class Candidate:
    """An index that may be created. `tests` make it partial, `included` are read from it alone."""

    table: str
    schema: str
    keys: tuple[Key, ...]
    tests: tuple[Test, ...] = ()
    included: tuple[str, ...] = ()

    def name(self, prefix: str, suffix: str = "", longest: int = MAX_NAME) -> str:
        """A name that is the same whenever the index is."""
        columns = "_".join(re.sub(r"\W+", "_", key.text).rstrip("_") for key in self.keys)
        partial = "".join(f"_{_word(test)}" for test in self.tests)
        covering = "_with" * bool(self.included) + "".join(f"_{one}" for one in self.included)
        whole = re.sub(r"\W", "_", f"{prefix}_{columns}{covering}{partial}".lower())
        if len(whole + suffix) <= longest:
            return whole + suffix
        end = f"_{blake2b(repr(self).encode(), digest_size=3).hexdigest()}{suffix}"
        return whole[: longest - len(end)].rstrip("_") + end

    def sql(self, name: str, *, concurrently: bool = False) -> str:
        """The statement; without `concurrently` a second finding may want the same index."""
        how = "CREATE INDEX CONCURRENTLY" if concurrently else "CREATE INDEX IF NOT EXISTS"
        keys = ", ".join(key.sql for key in self.keys)
        where = f" WHERE {self.predicate}" if self.tests else ""
        held = f" INCLUDE ({', '.join(map(_quoted, self.included))})" if self.included else ""
        return f"{how} {_quoted(name)} ON {self.target} ({keys}){held}{where}"

    @property
    def target(self) -> str:
        schema = "" if self.schema in ("", "public") else f"{_quoted(self.schema)}."
        return schema + _quoted(self.table)

    @property
    def predicate(self) -> str:
        return " AND ".join(_condition(test) for test in self.tests)

    @property
    def summary(self) -> str:
        keys = ", ".join(key.text + key.direction for key in self.keys)
        where = f" where {plainly(self.predicate)}" if self.tests else ""
        held = f" with {', '.join(self.included)}" if self.included else ""
        return f"Index {self.table} ({keys}){held}{where}"


def candidates(finding: Finding, source: Source) -> list[Candidate]:
    """The rivals, the one that promises most first."""
    evidence = finding.evidence
    if not isinstance(evidence, IndexEvidence):
        return []
    schema = _schema(evidence.table, source)
    order = tuple(Key(name.removeprefix("-"), name.startswith("-")) for name in evidence.order)
    equal = tuple(map(_key, evidence.equality))
    tail = order or tuple(map(Key, evidence.ranges[:1]))
    tail = () if any(key.function for key in equal) else tail  # they leave few rows to sort
    whole = (*equal, *tail)
    plain = _plain(equal, tail, sorts=finding.id == "unindexed-sort")
    rivals = [Candidate(evidence.table, schema, keys) for keys in _distinct([whole, plain])]
    tests = _tests(evidence.predicate)
    if tests and _is_in_source(tests, finding, source):
        constant = {test.column for test in tests}
        keys = tuple(key for key in whole if key.column not in constant) or whole[:1]
        return [Candidate(evidence.table, schema, keys, tests), *rivals[:1]]
    covering = [replace(rivals[0], included=evidence.included)] if evidence.included else []
    return [*rivals, *covering]


def _key(text: str) -> Key:
    match = FUNCTION.fullmatch(text)
    return Key(match["column"], function=match["function"]) if match else Key(text)


def table(name: str, source: Source) -> Table | None:
    tables = source.trace.tables if source.trace is not None else ()
    return next((one for one in tables if one.name == name), None)


def _plain(equal: tuple[Key, ...], tail: tuple[Key, ...], *, sorts: bool) -> tuple[Key, ...]:
    """A smaller index that other statements may use too; () when there is none worth a trial."""
    if equal and tail:
        return tail if sorts else equal
    return equal[:1]


def _distinct(keys: Sequence[tuple[Key, ...]]) -> list[tuple[Key, ...]]:
    return [one for one in dict.fromkeys(keys) if one]


def _schema(name: str, source: Source) -> str:
    found = table(name, source)
    return found.schema if found is not None else ""


def _is_in_source(tests: Sequence[Test], finding: Finding, source: Source) -> bool:
    """Whether the compared texts stand in the code: one login or one tenant looks constant too."""
    assert isinstance(finding.evidence, IndexEvidence)
    model = source.model(finding.evidence.model)
    sites = [finding.cause, finding.symptom, model.site if model is not None else None]
    texts = [_text(path, source) for path in dict.fromkeys(site.path for site in sites if site)]
    return all(
        not isinstance(test.value, str) or any(_contains(text, test.value) for text in texts)
        for test in tests
    )


def _text(path: str, source: Source) -> str:
    try:
        return source.read(path).decode("utf-8", "replace")
    except OSError:
        return ""


def _contains(text: str, value: str) -> bool:
    return any(f"{quote}{value}{quote}" in text for quote in "\"'")


def _tests(predicate: str) -> tuple[Test, ...]:
    """The conditions of `status = 'pending' AND NOT archived AND paid_at IS NULL`."""
    if not predicate:
        return ()
    try:
        [parsed] = parse_sql(f"SELECT WHERE {predicate}")
    except (ParseError, ValueError):
        return ()
    assert isinstance(parsed.stmt, ast.SelectStmt)
    found = [_test(node) for node in _conjuncts(parsed.stmt.whereClause)]
    tests = tuple(test for test in found if test is not None)
    return tests if len(tests) == len(found) else ()


def _conjuncts(node: ast.Node | None) -> Iterator[ast.Node | None]:
    if isinstance(node, ast.BoolExpr) and node.boolop == enums.BoolExprType.AND_EXPR:
        yield from node.args or ()
    else:
        yield node


def _test(node: ast.Node | None) -> Test | None:
    if isinstance(node, ast.ColumnRef):
        return Test(_column(node), True)
    if isinstance(node, ast.BoolExpr) and node.args and isinstance(node.args[0], ast.ColumnRef):
        return Test(_column(node.args[0]), False)
    if isinstance(node, ast.NullTest):
        negated = node.nulltesttype == enums.NullTestType.IS_NOT_NULL
        return Test(_column(node.arg), None, negated)
    if isinstance(node, ast.A_Expr) and isinstance(node.rexpr, ast.A_Const):
        value = node.rexpr.val
        if isinstance(value, ast.String):
            return Test(_column(node.lexpr), str(value.sval))
        if isinstance(value, ast.Integer):
            return Test(_column(node.lexpr), value.ival or 0)
        if isinstance(value, ast.Boolean):
            return Test(_column(node.lexpr), bool(value.boolval))
    return None


def _column(node: object) -> str:
    fields = getattr(node, "fields", None) or ()
    return str(getattr(fields[-1], "sval", "")) if fields else ""


def _condition(test: Test) -> str:
    name = _quoted(test.column)
    if test.value is None:
        return f"{name} IS {'NOT ' * test.negated}NULL"
    if isinstance(test.value, bool):
        return name if test.value else f"NOT {name}"
    if isinstance(test.value, int):
        return f"{name} = {test.value}"
    return f"{name} = '" + test.value.replace("'", "''") + "'"


def _word(test: Test) -> str:
    if test.value is None:
        return "set" if test.negated else "null"
    if isinstance(test.value, bool):
        return test.column if test.value else f"not_{test.column}"
    return str(test.value)


def plainly(sql: str) -> str:
    """SQL without the quotes around plain names."""
    return re.sub(r'"([a-z_][a-z0-9_]*)"', r"\1", sql)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | int | bool | None) -> str:
    """The value as Python source, strings in double quotes where that needs no escape."""
    text = repr(value)
    if isinstance(value, str) and '"' not in value and "\\" not in text:
        text = f'"{value}"'
    assert python.literal_eval(text) == value
    return text
