"""plain-endpoint: an endpoint that awaits nothing is a plain `def`, run by FastAPI in threads."""

import re
from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe._endpoints import idle_coroutine
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch, TextEdit

DETECTORS = frozenset({"blocking-call"})
FIXER = "plain-endpoint"
SUMMARY = "Let FastAPI run the endpoint in a thread: a plain def"
AT_ONCE = 4  # requests that meet; the first of them would not notice


def fix(finding: Finding, source: Source) -> Iterator[Patch]:
    """One patch for a route of FastAPI whose coroutine never lets another one run."""
    module = source.module(finding.cause.path) if finding.cause else None
    node = module.at(finding.cause) if module and finding.cause else None
    if module is None or not isinstance(node, cst.Call):
        return
    function = idle_coroutine(module, node, source)
    edit = _plain(module, function) if function is not None else None
    if edit is not None:
        yield Patch(FIXER, SUMMARY, "review", (edit,), metric="wall", at_once=AT_ONCE)


def _plain(module: Module, function: cst.FunctionDef) -> TextEdit | None:
    after = max((module.end(one) for one in function.decorators), default=0)
    found = re.compile(rb"async[ \t]+(?=def\b)").search(module.content, after)
    if found is None or found.start() > module.start(function.name):
        return None
    return TextEdit(module.path, found.start(), found.end(), "")
