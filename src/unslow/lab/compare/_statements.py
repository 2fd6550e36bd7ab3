"""A file of SQL as a change: indexes and settings, which a clone can try."""

import re
from collections.abc import Iterator
from pathlib import Path

import pglast
from pglast import ast
from pglast.enums import AlterTableType, ObjectType
from pglast.stream import RawStream

from unslow.errors import UsageError
from unslow.model import Patch

ALLOWED = "CREATE INDEX, DROP INDEX, SET, ALTER TABLE ... SET and ALTER DATABASE ... SET"
TABLE_SETTINGS = (AlterTableType.AT_SetRelOptions, AlterTableType.AT_SetStatistics)
SETTING = """DO $unslow$ BEGIN EXECUTE format(
  'ALTER DATABASE %I SET {name} TO {value}', current_database()); END $unslow$"""
SET = re.compile(r"'ALTER DATABASE %I SET (?P<name>\S+) TO (?P<value>.*)', current_database\(\)")


def patch_of(file: Path) -> Patch:
    """The statements of the file, to be run on the candidate's clone before each start.

    A plain SET counts for the whole database. Raises UsageError for anything that is neither an
    index nor a setting, naming the line.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    try:
        parsed = pglast.parse_sql(text)
    except pglast.parser.ParseError as error:
        raise UsageError(f"{file} is not valid PostgreSQL: {error.args[0]}") from error
    statements = (
        *(_statement(raw, text, file) for raw in parsed),
        *(line for raw in parsed for line in _sampled_anew(raw.stmt)),
    )
    if not statements:
        raise UsageError(f"{file} holds no statement; write {ALLOWED}")
    return Patch("version", file.name, "review", sql=statements)


def settings_of(patch: Patch) -> tuple[tuple[str, str], ...]:
    """The settings among the patch's statements, name and value."""
    found = (SET.search(line) for line in patch.sql)
    return tuple((one["name"], _value(one["value"])) for one in found if one)


def _value(text: str) -> str:
    plain = text.replace("''", "'").replace("%%", "%")
    is_quoted = len(plain) > 1 and plain[0] == plain[-1] == "'" and "'" not in plain[1:-1]
    return plain[1:-1] if is_quoted else plain


def _statement(raw: ast.RawStmt, text: str, file: Path) -> str:
    node = raw.stmt
    match node:
        case ast.IndexStmt():
            node.concurrent = False  # nobody else is on the clone
            return _text(node)
        case ast.DropStmt(removeType=ObjectType.OBJECT_INDEX):
            node.concurrent = False
            return _text(node)
        case ast.VariableSetStmt() if node.args and not node.is_local:
            return _setting(node)
        case ast.AlterDatabaseSetStmt(setstmt=ast.VariableSetStmt() as setting) if setting.args:
            return _setting(setting)
        case ast.AlterTableStmt() if all(one.subtype in TABLE_SETTINGS for one in node.cmds or ()):
            return _text(node)
    line = text.encode()[: raw.stmt_location].decode(errors="ignore").count("\n") + 1
    first = _text(node).split(maxsplit=3)[:2]
    raise UsageError(
        f"{file}, near line {line}: {' '.join(first)} is neither an index nor a setting. unslow "
        f"prove takes {ALLOWED} from a file; put other changes into a migration of the application"
    )


def _sampled_anew(node: ast.Node | None) -> Iterator[str]:
    """A new statistics target counts from the next ANALYZE on."""
    if isinstance(node, ast.AlterTableStmt) and any(
        one.subtype == AlterTableType.AT_SetStatistics for one in node.cmds or ()
    ):
        yield f"ANALYZE {_text(node.relation)}"


def _text(node: ast.Node | None) -> str:
    return str(RawStream()(node)) if node is not None else ""


def _setting(node: ast.VariableSetStmt) -> str:
    value = _text(node).partition(" TO ")[2]
    return SETTING.format(name=node.name, value=value.replace("'", "''").replace("%", "%%"))
