"""asyncio-gather: awaits together what waits in turn, each database read in its own session."""

import builtins
import keyword
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _sessions
from unslow.lab.prescribe._chains import dotted
from unslow.lab.prescribe._import_module import import_module
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._locals import names
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch, Recommendation, TextEdit, WaitEvidence

DETECTORS = frozenset({"sequential-calls", "sequential-http-calls"})
FIXER = "asyncio-gather"
SUMMARY = "Await them together: asyncio.gather"
OWN = ", each in a session of its own"
CLIENTS = ("client", "http", "cache", "redis")  # what a name says that is no session

UNCLEAR = "where another session comes from is not plain to see"
PLAIN = "the statements are not plain assignments of awaited calls"
TAKEN = "the module uses a name that the fix needs"


@dataclass(frozen=True)
class Part:
    """One awaited value and the name that it gets; `sessions` are those that it uses."""

    name: str
    awaited: cst.Await
    value: cst.BaseExpression
    sessions: frozenset[str]

    @property
    def is_bare(self) -> bool:
        return self.awaited is self.value


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for a run of assignments, or for the values of one expression."""
    evidence = finding.evidence
    if not isinstance(evidence, WaitEvidence) or not evidence.uses:
        return
    module = source.module(evidence.uses[0].path)
    found = [module.at(site) for site in evidence.uses] if module else []
    awaits = [node for node in found if isinstance(node, cst.Await)]
    if module is None or len(awaits) < max(2, len(evidence.uses)):
        return
    written = _written(module, awaits, source, finding.id == "sequential-calls")
    yield Recommendation(FIXER, SUMMARY, written) if isinstance(written, str) else written


def _written(
    module: Module, awaits: Sequence[cst.Await], source: Source, with_statements: bool
) -> Patch | str:
    """The patch, or the reason against it; `with_statements` tells that some are statements."""
    function = module.enclosing(awaits[0], cst.FunctionDef)
    if function is None or function.asynchronous is None:
        return PLAIN
    known = _sessions.sessions(module, function, source)
    parts = _parts(module, function, awaits, frozenset(known))
    if parts is None or any('"""' in module.text(part.value) for part in parts):
        return PLAIN
    if with_statements and sum(not part.sessions and not _is_client(part) for part in parts) > 1:
        return UNCLEAR
    shared = {name for name in known if sum(name in part.sessions for part in parts) > 1}
    factories: dict[str, str] = {}
    imports = Imports(module, None)
    for name in sorted(shared):
        made = _sessions.factory(module, known[name], source)
        bound = imports.name(*made) if made else None
        if made is None:
            return UNCLEAR
        if bound is None:
            return TAKEN
        factories[name] = bound
    loop = import_module(module, "asyncio")
    if loop is None or any(len(part.sessions & shared) > 1 for part in parts):
        return TAKEN
    edits = _edits(module, function, parts, factories)
    summary = SUMMARY + (OWN if factories else "")
    return Patch(FIXER, summary, "review", (*edits, *loop, *imports.edits()), metric="wall")


def _parts(
    module: Module,
    function: cst.FunctionDef,
    awaits: Sequence[cst.Await],
    sessions: frozenset[str],
) -> list[Part] | None:
    lines = [module.enclosing(one, cst.SimpleStatementLine) for one in awaits]
    parts = []
    for number, (one, line) in enumerate(zip(awaits, lines, strict=True), start=1):
        if line is None or len(line.body) != 1:
            return None
        value = _value(module, one)
        if len(set(map(id, lines))) == 1:
            name = _free(module, function, _key(module, value), number)
        else:
            name = _target(line.body[0], value)
        if not name:
            return None
        parts.append(Part(name, one, value, frozenset(names(value) & sessions)))
    return parts


def _value(module: Module, awaited: cst.Await) -> cst.BaseExpression:
    """`(await f()).all()` around `await f()`."""
    at: cst.BaseExpression = awaited
    while True:
        parent = module.parents[at]
        is_read = isinstance(parent, cst.Attribute) and parent.value is at
        is_called = isinstance(parent, cst.Call) and parent.func is at and not parent.args
        if not (is_read or is_called):
            return at
        assert isinstance(parent, cst.BaseExpression)
        at = parent


def _target(statement: cst.BaseSmallStatement, value: cst.BaseExpression) -> str:
    """The name that the statement gives to the whole of `value`."""
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
        target: cst.BaseExpression = statement.targets[0].target
    elif isinstance(statement, cst.AnnAssign):
        target = statement.target
    else:
        return ""
    return target.value if isinstance(target, cst.Name) and statement.value is value else ""


def _key(module: Module, value: cst.BaseExpression) -> str:
    """What the value is called where it stands: a dictionary's key, an argument's keyword."""
    parent = module.parents[value]
    if isinstance(parent, cst.DictElement) and isinstance(parent.key, cst.SimpleString):
        return str(parent.key.evaluated_value)
    if isinstance(parent, cst.Arg) and parent.keyword:
        return parent.keyword.value
    return ""


def _free(module: Module, function: cst.FunctionDef, key: str, number: int) -> str:
    used = names(function) | names(module.tree) | set(dir(builtins))
    wanted = [key, f"{key}_found"] if key.isidentifier() and not keyword.iskeyword(key) else []
    return next((name for name in (*wanted, f"answer_{number}") if name not in used), "")


def _is_client(part: Part) -> bool:
    """Whether the call's own name says that it asks no database."""
    call = part.awaited.expression
    name = dotted(call.func).lower() if isinstance(call, cst.Call) else ""
    return any(word in name for word in CLIENTS)


def _edits(
    module: Module,
    function: cst.FunctionDef,
    parts: Sequence[Part],
    factories: dict[str, str],
) -> list[TextEdit]:
    lines = [module.enclosing(part.awaited, cst.SimpleStatementLine) for part in parts]
    first = lines[0]
    assert first is not None
    indent = module.indent(module.start(first))
    text, args = "", []
    for part in parts:
        session = next(iter(part.sessions & factories.keys()), "")
        if part.is_bare and not session:
            args.append(module.text(part.awaited.expression))
            continue
        inner = f"read_{part.name}"
        text += _coroutine(module, inner, part, session, factories.get(session, ""), indent)
        args.append(f"{inner}()")
    text += _gather([part.name for part in parts], args, indent)
    gap = _gap(module, function, first) if text.startswith("async def") else []
    if len(set(map(id, lines))) == 1:
        replaced = [module.replace(part.value, part.name) for part in parts]
        return [*gap, module.insert(module.start(first), text + indent), *replaced]
    rest = [module.without_line(line) for line in lines[1:] if line]
    return [*gap, module.replace(first, text.rstrip("\n")), *rest]


def _gap(module: Module, function: cst.FunctionDef, first: cst.CSTNode) -> list[TextEdit]:
    """The empty line between a docstring and the function that follows it."""
    line = module.content.rfind(b"\n", 0, module.start(first)) + 1
    body = function.body.body
    follows = function.get_docstring() is not None and len(body) > 1 and body[1] is first
    if not follows or module.content[module.end(body[0]) : line].strip(b" ") != b"\n":
        return []
    return [module.insert(line, "\n")]


def _coroutine(
    module: Module, name: str, part: Part, session: str, factory: str, indent: str
) -> str:
    deeper = indent + "    "
    text = f"async def {name}():\n"
    if session:
        text += f"{deeper}async with {factory}() as {session}:\n"
    moved = "        " if session else "    "
    value = module.text(part.value).replace("\n", f"\n{moved}")
    return f"{text}{indent}{moved}return {value}\n\n{indent}"


def _gather(bound: Sequence[str], args: Sequence[str], indent: str) -> str:
    line = f"{', '.join(bound)} = await asyncio.gather({', '.join(args)})"
    if len(indent) + len(line) <= 88 and "\n" not in line:
        return f"{line}\n"
    inner = "".join(f"{indent}    {arg},\n" for arg in args)
    return f"{', '.join(bound)} = await asyncio.gather(\n{inner}{indent})\n"
