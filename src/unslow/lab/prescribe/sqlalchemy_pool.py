"""sqlalchemy-pool: the engine keeps its connections in SQLAlchemy's own pool."""

from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch, Recommendation, SettingEvidence, TextEdit

DETECTORS = frozenset({"connection-per-request"})
FIXER = "sqlalchemy-pool"
SUMMARY = "Let the engine keep its connections: leave out poolclass=NullPool"
ENGINES = frozenset({"create_engine", "create_async_engine"})


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for the call that makes the engine."""
    evidence = finding.evidence
    if not isinstance(evidence, SettingEvidence) or evidence.name != "NullPool":
        return
    module = source.module(finding.cause.path) if finding.cause else None
    node = module.at(finding.cause) if module and finding.cause else None
    edits = _edits(module, node) if module and isinstance(node, cst.Call) else None
    if edits:
        yield Patch(FIXER, SUMMARY, "review", tuple(edits), metric="wall")
    else:
        yield Recommendation(FIXER, SUMMARY, "the call that makes the engine is not plain to see")


def _edits(module: Module, call: cst.Call) -> list[TextEdit] | None:
    position = next((n for n, arg in enumerate(call.args) if _is_pool(arg)), None)
    if chains.function(call) not in ENGINES or not position:
        return None
    arg, before = call.args[position], call.args[position - 1]
    name = chains.dotted(arg.value)
    end = module.end(arg.value)
    edit = TextEdit(module.path, module.end(before.value), end, "")
    return [edit, *_without_import(module, name)]


def _is_pool(arg: cst.Arg) -> bool:
    named = arg.keyword is not None and arg.keyword.value == "poolclass"
    return named and chains.dotted(arg.value).rpartition(".")[2] == "NullPool"


def _without_import(module: Module, name: str) -> list[TextEdit]:
    """Delete an import that nothing else needs."""
    uses = [node for node in module.nodes(cst.Name) if node.value == name]
    for statement in module.tree.body:
        if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
            continue
        small = statement.body[0]
        if isinstance(small, cst.ImportFrom) and not isinstance(small.names, cst.ImportStar):
            alone = len(small.names) == 1 and small.names[0].evaluated_name == name
            if alone and len(uses) == 2:  # the import's and the argument's
                return [module.without_line(statement)]
    return []
