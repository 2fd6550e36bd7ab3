"""http-timeout: gives a call to another service a timeout of ten seconds."""

from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe._chains import dotted
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch, Recommendation, TextEdit

DETECTORS = frozenset({"untimed-http-call"})
FIXER = "http-timeout"
SECONDS = 10  # above what a healthy service takes; below what a user or a proxy waits for
SUMMARY = f"Give up after {SECONDS} seconds: timeout={SECONDS}"
TAKES_TIMEOUT = frozenset(
    {"get", "post", "put", "patch", "delete", "head", "options", "request", "urlopen"}
)
UNKNOWN = "whether the call takes a timeout is not plain to see"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for a call of a client's or a library's usual methods."""
    module = source.module(finding.cause.path) if finding.cause else None
    node = module.at(finding.cause) if module and finding.cause else None
    if isinstance(node, cst.Await):
        node = node.expression
    if module is None or not isinstance(node, cst.Call):
        return
    edit = _edit(module, node)
    if edit is None:
        yield Recommendation(FIXER, SUMMARY, UNKNOWN)
    else:
        yield Patch(FIXER, SUMMARY, "review", (edit,), metric="gate")


def _edit(module: Module, node: cst.Call) -> TextEdit | None:
    if dotted(node.func).rpartition(".")[2] not in TAKES_TIMEOUT:
        return None
    if _is_taken(module, node):
        return None
    if not node.args or any(arg.star == "**" for arg in node.args):
        return None
    given = next((a for a in node.args if a.keyword and a.keyword.value == "timeout"), None)
    if given is not None:
        none = isinstance(given.value, cst.Name) and given.value.value == "None"
        return module.replace(given.value, str(SECONDS)) if none else None
    last = node.args[-1]
    if isinstance(last.value, cst.GeneratorExp) and not last.value.lpar:
        return None
    return module.insert(module.end(last.value), f"{_gap(module, node, last)}timeout={SECONDS}")


def _is_taken(module: Module, node: cst.Call) -> bool:
    """A third argument of `urlopen` is its timeout; `HTTPConnection.request` takes none."""
    name = dotted(node.func).rpartition(".")[2]
    if name == "request":
        return b"http.client" in module.content or b"HTTPConnection" in module.content
    return name == "urlopen" and sum(arg.keyword is None for arg in node.args) > 2


def _gap(module: Module, node: cst.Call, last: cst.Arg) -> str:
    """A blank, or the break and indentation of a call with one argument a line."""
    start = module.start(last)
    lead = module.content[module.end(node.func) : start]
    gap = lead[len(lead.rstrip()) :].decode()
    return f",{gap}" if "\n" in gap else ", "
