"""sqlalchemy-echo: the engine stops logging every statement."""

from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe._arguments import keyword, without
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch, Recommendation, SettingEvidence

DETECTORS = frozenset({"debug-mode"})
FIXER = "sqlalchemy-echo"
SUMMARY = "Leave out echo=True: ask the logger `sqlalchemy.engine` for statements when needed"
DJANGO = "Read DEBUG from the environment, off by default, and leave it off where users are"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for the call that makes the engine; advice for Django's DEBUG."""
    evidence = finding.evidence
    if not isinstance(evidence, SettingEvidence) or finding.cause is None:
        return
    if evidence.name == "DEBUG":
        yield Recommendation(FIXER, DJANGO, "these may be the settings of a developer's machine")
        return
    module = source.module(finding.cause.path)
    call = module.at(finding.cause) if module else None
    arg = keyword(call, "echo") if isinstance(call, cst.Call) else None
    literal = arg is not None and isinstance(arg.value, cst.Name) and arg.value.value == "True"
    edit = without(module, call, "echo") if module and isinstance(call, cst.Call) else None
    if literal and edit is not None:
        yield Patch(FIXER, SUMMARY, "review", (edit,))
    else:
        yield Recommendation(FIXER, SUMMARY, "the call does not say echo=True itself")
