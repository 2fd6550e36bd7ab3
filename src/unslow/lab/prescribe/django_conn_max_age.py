"""django-conn-max-age: a worker keeps its database connection for the next request."""

from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch, Recommendation, SettingEvidence, TextEdit

DETECTORS = frozenset({"connection-per-request"})
FIXER = "django-conn-max-age"
SUMMARY = 'Keep connections: "CONN_MAX_AGE": 60, with "CONN_HEALTH_CHECKS": True'
SECONDS = 60
ENTRIES = {"CONN_MAX_AGE": str(SECONDS), "CONN_HEALTH_CHECKS": "True"}


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for a database's dictionary in the settings."""
    evidence = finding.evidence
    if not isinstance(evidence, SettingEvidence) or evidence.name != "CONN_MAX_AGE":
        return
    if not evidence.threaded:
        reason = "under ASGI Django gives each request a connection of its own: use a pool there"
        yield Recommendation(FIXER, 'Let a pool keep connections: OPTIONS["pool"]', reason)
        return
    module = source.module(finding.cause.path) if finding.cause else None
    node = module.at(finding.cause) if module and finding.cause else None
    edits = _edits(module, node) if module and isinstance(node, cst.Dict) else None
    if edits:
        yield Patch(FIXER, SUMMARY, "review", tuple(edits), metric="wall")
    else:
        yield Recommendation(FIXER, SUMMARY, "the database's dictionary is not plain to see")


def _edits(module: Module, node: cst.Dict) -> list[TextEdit] | None:
    """Set what is missing at the end of the dictionary, and replace a zero that is written out."""
    items = [one for one in node.elements if isinstance(one, cst.DictElement)]
    named = {chains.string(item.key): item for item in items}
    written = named.get("CONN_MAX_AGE")
    if not items or len(items) != len(node.elements):
        return None
    if written is not None and module.text(written.value) != "0":
        return None
    edits = [module.replace(written.value, str(SECONDS))] if written is not None else []
    missing = [f'"{name}": {value}' for name, value in ENTRIES.items() if name not in named]
    if missing:
        edits.append(_added(module, items, missing))
    return edits


def _added(module: Module, items: list[cst.DictElement], entries: list[str]) -> TextEdit:
    """Further entries in the layout of those that are there."""
    last = items[-1]
    before = module.content[: module.start(last.key)]
    lead = before[len(before.rstrip()) :].decode()
    gap = "\n" + lead.rpartition("\n")[2] if "\n" in lead else " "
    if isinstance(last.comma, cst.Comma):
        end = module.content.index(b",", module.end(last.value)) + 1
        return module.insert(
            chains.after_comment(module, end), "".join(f"{gap}{entry}," for entry in entries)
        )
    return module.insert(module.end(last.value), "".join(f",{gap}{entry}" for entry in entries))
