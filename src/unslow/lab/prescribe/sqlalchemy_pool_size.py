"""sqlalchemy-pool-size: an engine keeps as many connections as requests run at a time."""

from collections.abc import Iterator, Sequence

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._arguments import is_open, keyword, put
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch, Recommendation, SettingEvidence, TextEdit

DETECTORS = frozenset({"exhausted-pool"})
FIXER = "sqlalchemy-pool-size"
ENGINES = frozenset({"create_engine", "create_async_engine"})
KEPT, MORE = 5, 10  # SQLAlchemy's own defaults
SUMMARY = "Give the pool room: as many connections as requests run at a time in one process"
REASON = "where the size comes from is not plain to see; all processes together must stay below \
the server's max_connections"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for the call that makes the engine, up to SQLAlchemy's defaults."""
    evidence = finding.evidence
    if not isinstance(evidence, SettingEvidence) or evidence.name != "pool_size":
        return
    module = source.module(finding.cause.path) if finding.cause else None
    call = module.at(finding.cause) if module and finding.cause else None
    edits = _edits(module, call) if module and isinstance(call, cst.Call) else []
    if edits:
        summary = f"Keep {KEPT} connections and open up to {MORE} more"
        yield Patch(FIXER, summary, "review", tuple(edits), metric="wall")
    else:
        yield Recommendation(FIXER, SUMMARY, REASON)


def _edits(module: Module, call: cst.Call) -> Sequence[TextEdit]:
    """Raise what the call writes out as a smaller number."""
    if chains.function(call) not in ENGINES or is_open(call):
        return []
    wanted = {"pool_size": KEPT, "max_overflow": MORE}
    written = {name: arg for name in wanted if (arg := keyword(call, name)) is not None}
    if not written or not all(isinstance(arg.value, cst.Integer) for arg in written.values()):
        return []
    return [
        put(module, call, name, str(wanted[name]))
        for name, arg in written.items()
        if isinstance(arg.value, cst.Integer) and arg.value.evaluated_value < wanted[name]
    ]
