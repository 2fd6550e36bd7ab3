"""fastapi-json-response: the answer of an untyped route is encoded once, by the JSON encoder."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._locals import names
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import EncodingEvidence, Finding, Patch, Recommendation, TextEdit

DETECTORS = frozenset({"costly-serialization"})
FIXER = "fastapi-json-response"
SUMMARY = "Give the route a return type, or return a response that is encoded already"
VERBS = frozenset({"get", "post", "put", "patch", "delete", "api_route"})
DECIDING = frozenset(
    {"status_code", "response_class", "response_model", "response_model_exclude_none"}
    | {"response_model_include", "response_model_exclude", "response_model_exclude_unset"}
    | {"response_model_by_alias"}
)
DECLARED = ("pyproject.toml", "requirements*.txt", "requirements/*.txt", "setup.py", "setup.cfg")
ORJSON = re.compile(rb"\borjson\b")
CODE = """\
def json_response(content) -> Response:
    \"\"\"The JSON that FastAPI makes of `content`, in one pass.\"\"\"
    body = {dumps}
    return Response(body, media_type="application/json")
"""
JSON = (
    "json.dumps(\n        content,\n        default=jsonable_encoder,\n"
    "        ensure_ascii=False,\n"
    '        allow_nan=False,\n        separators=(",", ":"),\n    )'
)
FAST = "orjson.dumps(content, default=jsonable_encoder)"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """A patch for a view with one `return`, with orjson as a rival where the project has it."""
    evidence = finding.evidence
    if not isinstance(evidence, EncodingEvidence) or evidence.kind != "encoder":
        return
    module = source.module(finding.cause.path) if finding.cause else None
    node = module.at(finding.cause) if module and finding.cause else None
    reason = _refusal(module, node) if module and node else "the view is not in the source"
    if reason or module is None or node is None:
        yield Recommendation(FIXER, SUMMARY, reason)
        return
    yield _patch(module, node, "json", JSON)
    if _has_orjson(source):
        yield _patch(module, node, "orjson", FAST)


def _refusal(module: Module, node: cst.BaseExpression) -> str:
    function = module.enclosing(node, cst.FunctionDef)
    if function is None or not isinstance(module.parents.get(node), cst.Return):
        return "the view's only return is not plain to see"
    route = [d.decorator for d in function.decorators]
    if len(route) != 1 or chains.method(route[0]) not in VERBS:
        return "the view has other decorators than its route"
    assert isinstance(route[0], cst.Call)
    keywords = {arg.keyword.value for arg in route[0].args if arg.keyword}
    if function.returns is not None or keywords & DECIDING:
        return "the route decides by itself how it answers"
    if any("Response" in names(p.annotation) for p in function.params.params if p.annotation):
        return "the view sets headers or cookies of the response that FastAPI makes"
    taken = {"json_response", "json", "orjson", "Response", "jsonable_encoder"}
    used = {n.value for n in module.nodes(cst.Name)} & taken
    return f"{min(used)} has a meaning in the module already" if used else ""


def _patch(module: Module, node: cst.BaseExpression, library: str, dumps: str) -> Patch:
    imports = Imports(module)
    imports.name("fastapi", "Response")
    imports.name("fastapi.encoders", "jsonable_encoder")
    edits = [
        *imports.edits(),
        _import(module, library),
        _helper(module, CODE.format(dumps=dumps)),
        module.insert(module.start(node), "json_response("),
        module.insert(module.end(node), ")"),
    ]
    summary = f"Encode the response in one pass with {library}"
    return Patch(FIXER, summary, "review", tuple(edits))


def _helper(module: Module, code: str) -> TextEdit:
    """A function after the imports; the same text at the same place for every view."""
    last = [statement for statement in module.tree.body if _imports(statement)][-1]
    end = module.content.index(b"\n", module.end(last)) + 1
    rest = module.content[end:]
    blank = len(rest) - len(rest.lstrip(b"\n"))
    return module.insert(end, "\n\n" + code + "\n" * max(2 - blank, 0))


def _imports(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and any(
        isinstance(small, cst.Import | cst.ImportFrom) for small in statement.body
    )


def _import(module: Module, library: str) -> TextEdit:
    """`import json` before the module's first import, after its docstring."""
    first = next(
        statement
        for statement in module.tree.body
        if isinstance(statement, cst.SimpleStatementLine)
        and _imports(statement)
        and "__future__" not in module.text(statement)
    )
    blank = "" if library != "json" or _is_standard(module, first) else "\n"
    return module.insert(module.start(first), f"import {library}\n{blank}")


def _is_standard(module: Module, statement: cst.SimpleStatementLine) -> bool:
    name = module.text(statement).split()[1].partition(".")[0]
    return name in sys.stdlib_module_names


def _has_orjson(source: Source) -> bool:
    """Whether the project says that it needs orjson."""
    return any(
        ORJSON.search(source.read(path))
        for pattern in DECLARED
        for path in source.files(pattern)
        if Path(path).suffix
    )
