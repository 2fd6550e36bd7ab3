"""httpx-async-client: the application's own `httpx.AsyncClient` asks, and the coroutine awaits."""

from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe._chains import dotted
from unslow.lab.prescribe._endpoints import holds_lock
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch

DETECTORS = frozenset({"blocking-call"})
FIXER = "httpx-async-client"
SUMMARY = "Ask by the application's asynchronous client"
AT_ONCE = 4  # requests that meet; the first of them would not notice
VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options"})
PASSED = {  # alike in both libraries; `requests` drops params that are None
    "httpx": frozenset({"params", "headers", "json", "data", "content", "timeout"}),
    "requests": frozenset({"headers", "json", "timeout"}),
}
# What a client may be made with and still send to any host no more than a plain call does.
OF_CLIENT = frozenset({"timeout", "limits", "http1", "http2", "base_url"})
NOT_WAITING = (
    cst.Lambda, cst.GeneratorExp, cst.ClassDef, cst.Decorator, cst.Try, cst.Param, cst.WithItem,
)  # fmt: skip
READ = frozenset({"json", "text", "content", "status_code", "headers"})  # alike in both libraries


def fix(finding: Finding, source: Source) -> Iterator[Patch]:
    """One patch for `requests.get(...)`, `httpx.get(...)`, or a blocking client of the module's."""
    module = source.module(finding.cause.path) if finding.cause else None
    node = module.at(finding.cause) if module and finding.cause else None
    if module is None or not isinstance(node, cst.Call):
        return
    owner, _, verb = dotted(node.func).rpartition(".")
    made = _made(module, "Client").get(owner)  # a blocking client has an asynchronous twin
    library = "httpx" if made is not None else owner
    if library not in ("requests", "httpx") or verb not in VERBS:
        return
    if made is None and library not in _imported(module):
        return
    if not _can_wait(module, node) or not _is_alike(module, node, library):
        return
    imports = Imports(module)
    client = _client(module, imports, source, made)
    if client is not None:
        edits = (module.replace(node, _call(module, node, client, library)), *imports.edits())
        yield Patch(FIXER, SUMMARY, "review", edits, metric="wall", at_once=AT_ONCE)


def _imported(module: Module) -> set[str]:
    return {
        alias.evaluated_name
        for one in module.nodes(cst.Import)
        for alias in one.names
        if alias.asname is None
    }


def _can_wait(module: Module, node: cst.Call) -> bool:
    """Whether the call is in a coroutine's own body; `requests` raises errors of its own."""
    for outer in module.ancestors(node):
        if isinstance(outer, cst.FunctionDef):
            return outer.asynchronous is not None
        if isinstance(
            outer, cst.Lambda | cst.GeneratorExp | cst.ClassDef | cst.Decorator | cst.Try
        ):
            return False
        if isinstance(outer, cst.Param | cst.WithItem) or holds_lock(module, outer):
            return False
    return False


def _is_alike(module: Module, node: cst.Call, library: str) -> bool:
    """Whether arguments and answer mean the same to both."""
    if any(
        arg.star or (arg.keyword and arg.keyword.value not in PASSED[library]) for arg in node.args
    ):
        return False
    if sum(arg.keyword is None for arg in node.args) != 1:
        return False
    if library == "httpx":
        return True
    limits = [one.value for one in node.args if one.keyword and one.keyword.value == "timeout"]
    if not limits or isinstance(limits[0], cst.Tuple):
        return False
    return all(
        isinstance(parent := module.parents[use], cst.Attribute) and parent.attr.value in READ
        for use in _answers(module, node)
    )


def _answers(module: Module, node: cst.Call) -> list[cst.CSTNode]:
    """The expressions that are the answer: the call itself, or the name that it is given."""
    line = module.parents[node]
    if not isinstance(line, cst.Assign) or len(line.targets) != 1:
        return [node]
    target = line.targets[0].target
    scope = module.enclosing(node, cst.FunctionDef)
    if not isinstance(target, cst.Name) or scope is None:
        return [node]
    return [
        name
        for name in module.nodes(cst.Name)
        if name.value == target.value
        and name is not target
        and any(outer is scope for outer in module.ancestors(name))
    ]


def _client(module: Module, imports: Imports, source: Source, twin: str | None) -> str | None:
    """How the module writes a client that stands at the top of it, or of a module beside it.

    With `twin`, one that is made with the same arguments.
    """
    own = _client_of(module, twin)
    if own:
        return own
    found = [
        (path, name)
        for path in source.files("**/*.py")
        if path != module.path and b"AsyncClient(" in source.read(path)
        if (other := source.module(path)) is not None and (name := _client_of(other, twin))
    ]
    if len(found) != 1:
        return None
    path, name = found[0]
    package = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return imports.name(source.import_name(package), name)


def _client_of(module: Module, twin: str | None) -> str:
    """The only name at the module's top that holds a plain `httpx.AsyncClient`."""
    made = _made(module, "AsyncClient")
    found = [name for name, args in made.items() if twin is None or args == twin]
    return found[0] if len(found) == 1 else ""


def _made(module: Module, kind: str) -> dict[str, str]:
    """Clients at the module's top by name, with their arguments as they are written."""
    found: dict[str, str] = {}
    for statement in module.tree.body:
        for small in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
            if isinstance(small, cst.Assign) and isinstance(small.value, cst.Call):
                args = small.value.args
                plain = all(one.keyword and one.keyword.value in OF_CLIENT for one in args)
                if dotted(small.value.func) in (f"httpx.{kind}", kind) and plain:
                    text = ", ".join(sorted(module.text(one).rstrip(" ,\n") for one in args))
                    found |= {dotted(target.target): text for target in small.targets}
    return found


def _call(module: Module, node: cst.Call, client: str, library: str) -> str:
    verb = dotted(node.func).rpartition(".")[2]
    args = [module.text(arg).rstrip().rstrip(",").rstrip() for arg in node.args]
    if library == "requests" and verb != "head":
        args.append("follow_redirects=True")
    text = f"await {client}.{verb}({', '.join(args)})"
    parent = module.parents[node]
    return f"({text})" if isinstance(parent, cst.Attribute | cst.Subscript) else text
