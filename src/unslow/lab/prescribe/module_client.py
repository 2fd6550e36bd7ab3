"""module-client: one client for the process, at the top of the module, not one a request."""

from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe._chains import dotted
from unslow.lab.prescribe._lasting import is_changed, is_lasting, is_pure
from unslow.lab.prescribe._locals import names
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.lab.prescribe._top_level import (
    BUILTINS,
    defined_before,
    free_name,
    start_of,
    statement_around,
    top_names,
)
from unslow.model import Finding, Patch, Recommendation, TextEdit, WaitEvidence

DETECTORS = frozenset({"client-per-request"})
FIXER = "module-client"
SUMMARY = "Build the client once for the process"
CALLS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "request"})
OF_CLIENT = frozenset({"verify", "cert", "proxy", "trust_env", "cookies"})  # of httpx.get()
NAMED = cst.Param | cst.AsName
CLOSING = frozenset({"close", "aclose", "dispose", "__exit__", "__aexit__"})

COOKIES = "the service sets cookies, which a shared client would send for everybody"
LOOPED = "an aiohttp session must be made in a running loop: make it in the lifespan"
UNSAFE = "a session of requests is not made for several threads"
DEPENDS = "the client depends on values of the request"
CLOSED = "the client is closed, or handed on, where it is used"
TAKEN = "there is no free name for the client"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for a constructor call, a `with` of one, or `httpx.get` and its kin."""
    evidence = finding.evidence
    module = source.module(finding.cause.path) if finding.cause else None
    node = module.at(finding.cause) if module and finding.cause else None
    if not isinstance(evidence, WaitEvidence) or module is None or not isinstance(node, cst.Call):
        return
    written = _written(module, node, evidence)
    if isinstance(written, str):
        yield Recommendation(FIXER, SUMMARY, written)
    else:
        yield Patch(FIXER, SUMMARY, "review", tuple(written), metric="wall")


def _written(module: Module, node: cst.Call, evidence: WaitEvidence) -> list[TextEdit] | str:
    if evidence.cookies:
        return COOKIES
    if evidence.call.startswith(("aiohttp.", "requests.")):
        return LOOPED if evidence.call.startswith("aiohttp.") else UNSAFE
    function = module.enclosing(node, cst.FunctionDef)
    if function is None:
        return DEPENDS
    if dotted(node.func).rpartition(".")[2] in CALLS:
        return _for_call(module, node, function, evidence)
    if not _is_constant(module, node):
        return DEPENDS
    item = module.parents[node]
    if isinstance(item, cst.WithItem):
        return _for_block(module, node, item, function)
    if _is_closed(module, node, function):
        return CLOSED
    name = free_name(module, _wanted(evidence.call))
    if not name:
        return TAKEN
    return [defined_before(module, function, name, module.text(node)), module.replace(node, name)]


def _for_call(
    module: Module, node: cst.Call, function: cst.FunctionDef, evidence: WaitEvidence
) -> list[TextEdit] | str:
    """`httpx.get(url)` as `client.get(url)`."""
    if any(arg.star or (arg.keyword and arg.keyword.value in OF_CLIENT) for arg in node.args):
        return DEPENDS
    assert isinstance(node.func, cst.Attribute | cst.Name)
    if not isinstance(node.func, cst.Attribute):
        return DEPENDS
    name = free_name(module, "client")
    library = module.text(node.func.value)
    if not name:
        return TAKEN
    made = f"{library}.{evidence.call.rpartition('.')[2]}()"
    return [defined_before(module, function, name, made), module.replace(node.func.value, name)]


def _for_block(
    module: Module, node: cst.Call, item: cst.WithItem, function: cst.FunctionDef
) -> list[TextEdit] | str:
    """The body of `with Client() as client:` without the block, and the client above."""
    block = module.parents[item]
    bound = item.asname.name if item.asname else None
    if not isinstance(block, cst.With) or len(block.items) != 1 or not isinstance(bound, cst.Name):
        return CLOSED
    if not isinstance(block.body, cst.IndentedBlock) or _is_handed_on(
        module, bound, block, function
    ):
        return CLOSED
    name = free_name(module, bound.value, _wanted("client"))
    if not name:
        return TAKEN
    start, end = module.start(block), module.end(block.body)
    head, _, body = module.content[start:end].decode().partition("\n")
    text = body.rstrip()
    if not head.endswith(":") or '"""' in text or "'''" in text:
        return CLOSED
    indent = module.indent(start)
    deeper = module.indent(module.start(block.body.body[0]))
    lines = [f"{deeper}{bound.value} = {name}"] if name != bound.value else []
    lines += text.split("\n")
    moved = "\n".join(indent + one.removeprefix(deeper) if one.strip() else "" for one in lines)
    return [
        defined_before(module, function, name, module.text(node)),
        TextEdit(module.path, start, end, moved.removeprefix(indent) + body[len(text) :]),
    ]


def _is_handed_on(
    module: Module, bound: cst.Name, block: cst.With, function: cst.FunctionDef
) -> bool:
    """Whether the block closes the client, or the function binds its name anew."""
    if is_changed(module, bound.value, function):
        return True
    for name in module.nodes(cst.Name):
        if name.value == bound.value and name is not bound and function in module.ancestors(name):
            parent = module.parents[name]
            if isinstance(parent, cst.Attribute) and parent.attr is name:
                continue
            if isinstance(parent, cst.Arg) and parent.keyword is name:
                continue
            if isinstance(parent, cst.AssignTarget | cst.Param | cst.AsName):
                return True
            if isinstance(parent, cst.Attribute) and parent.attr.value in CLOSING:
                return True
    return False


def _is_closed(module: Module, node: cst.Call, function: cst.FunctionDef) -> bool:
    """Whether the function closes what it has built, or builds it to give it away."""
    parent = module.parents[node]
    if isinstance(parent, cst.Return | cst.Yield):
        return True
    if isinstance(parent, cst.Attribute):
        return parent.attr.value in CLOSING
    if not isinstance(parent, cst.Assign | cst.AnnAssign):
        return True
    target = parent.targets[0].target if isinstance(parent, cst.Assign) else parent.target
    if not isinstance(target, cst.Name) or is_changed(module, target.value, function):
        return True
    for name in module.nodes(cst.Name):
        if name.value == target.value and function in module.ancestors(name):
            use = module.parents[name]
            if isinstance(use, cst.Attribute) and use.attr.value in CLOSING:
                return True
            if isinstance(use, cst.WithItem | cst.Return | cst.Yield):
                return True
    return False


def _is_constant(module: Module, node: cst.Call) -> bool:
    """Whether the arguments say the same in every request: names of the module's top alone."""
    used = set().union(*(names(arg.value) for arg in node.args)) if node.args else set()
    start = start_of(module, statement_around(module, node))
    if not used <= top_names(module, before=start) | BUILTINS or used & _local(module, node):
        return False
    plain = all(is_pure(arg.value, outside=True) for arg in node.args)
    return plain and all(is_lasting(module, name) for name in used - BUILTINS)


def _local(module: Module, node: cst.CSTNode) -> set[str]:
    """The names that the functions around give a value."""
    around = [one for one in module.ancestors(node) if isinstance(one, cst.FunctionDef)]
    return {
        name
        for kind in (cst.Param, cst.AssignTarget, cst.AnnAssign, cst.For, cst.CompFor, cst.AsName)
        for one in module.nodes(kind)
        if any(outer in around for outer in module.ancestors(one))
        for name in names(one.name if isinstance(one, NAMED) else getattr(one, "target", one))
    }


def _wanted(what: str) -> str:
    return {"Engine": "engine", "Redis": "redis_client"}.get(what.rpartition(".")[2], "client")
