"""module-constant: what is compiled for each request, compiled once at the top of the module."""

from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._chains import dotted, function
from unslow.lab.prescribe._lasting import is_changed, is_lasting, is_pure
from unslow.lab.prescribe._locals import is_rebound, names
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
from unslow.model import Finding, Patch, Recommendation, Site, TextEdit, WaitEvidence

DETECTORS = frozenset({"repeated-compile"})
FIXER = "module-constant"
SUMMARY = "Compile it once, at the top of the module"
MAKERS = frozenset({"compile", "TypeAdapter", "create_model", "Template", "from_string"})
BINDING: tuple[type[cst.CSTNode], ...] = (
    cst.Param, cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.For, cst.CompFor, cst.AsName,
    cst.NamedExpr, cst.ImportAlias, cst.FunctionDef, cst.ClassDef, cst.MatchAs, cst.MatchStar,
)  # fmt: skip
LOOKING_UP = frozenset({"get_template", "select_template", "get_or_select_template"})
WANTED = {"re.Pattern": "pattern", "pydantic.TypeAdapter": "adapter"}

DEPENDS = "it names values of the function: keep what they make, with `functools.cache`"
PATTERNS = "more patterns are in use than `re` keeps (512): join them by `|`, or compile them once"
LOADERS = "nothing keeps the templates: let `django.template.loaders.cached.Loader` load them"
CHANGED = "the environment is changed, or handed on, where it is made"
CHANGED_LATER = "what is made is changed afterwards"
TAKEN = "there is no free name at the top of the module"
BODY = "the class has more than fields"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for a call whose arguments are constants, or a class of plain fields."""
    evidence, cause = finding.evidence, finding.cause
    module = source.module(cause.path) if cause else None
    if not isinstance(evidence, WaitEvidence) or module is None or cause is None:
        return
    written = _written(module, cause, evidence.call)
    if isinstance(written, str):
        yield Recommendation(FIXER, SUMMARY, written)
    elif written:
        yield Patch(FIXER, SUMMARY, "safe", tuple(written))


def _written(module: Module, cause: Site, what: str) -> list[TextEdit] | str:
    model = _class_at(module, cause) if what == "pydantic.BaseModel" else None
    if model is not None:
        return _class_moved(module, model)
    node = module.at(cause)
    if not isinstance(node, cst.Call):
        return []
    maker = function(node)
    is_environment = what == "jinja2.Template" and maker not in MAKERS
    if is_environment and not _only_looked_up(module, node):
        return CHANGED
    if maker not in MAKERS and not is_environment:
        return PATTERNS if what == "re.Pattern" else LOADERS
    if not _is_constant(module, node, names(node)) or not _is_plain(node, maker or ""):
        return DEPENDS
    return _named_at_top(module, node, _wanted(node, what, is_environment))


def _is_plain(node: cst.Call, maker: str) -> bool:
    """Whether making it early makes the same; a type in quotes may be defined later."""
    owner = chains.receiver(node)
    parts = [arg.value for arg in node.args] + ([owner] if owner is not None else [])
    quoted = maker == "TypeAdapter" and "Literal" not in names(node)
    return all(is_pure(one) and not (quoted and _has_string(one)) for one in parts)


def _named_at_top(module: Module, node: cst.Call, wanted: str) -> list[TextEdit] | str:
    """`adapter = TypeAdapter(…)` above, its own name there where the function assigned it one."""
    line = _whole_line(module, node)
    own = line.targets[0].target if line is not None else None
    if _is_changed_later(module, node):
        return CHANGED_LATER
    name = free_name(module, own.value if isinstance(own, cst.Name) else wanted)
    if not name:
        return TAKEN
    defined = defined_before(module, node, name, module.text(node))
    if line is not None and isinstance(own, cst.Name) and own.value == name:
        return [defined, module.without_line(module.parents[line])]
    return [defined, module.replace(node, name)]


def _is_changed_later(module: Module, node: cst.CSTNode) -> bool:
    line, scope = module.parents[node], module.enclosing(node, cst.FunctionDef)
    targets = line.targets if isinstance(line, cst.Assign) else ()
    return scope is not None and any(
        is_changed(module, name, scope)
        for one in targets
        if isinstance(one.target, cst.Name)
        for name in names(one.target)
    )


def _whole_line(module: Module, node: cst.Call) -> cst.Assign | None:
    """`name = <node>` alone on its lines, the only one that binds the name."""
    line = module.parents[node]
    if not isinstance(line, cst.Assign) or len(line.targets) != 1:
        return None
    statement, target = module.parents[line], line.targets[0].target
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return None
    block = module.parents[statement]
    if not isinstance(block, cst.IndentedBlock) or len(block.body) == 1:
        return None
    if not isinstance(target, cst.Name) or not _is_bound_once(module, node, target):
        return None
    return line


def _is_bound_once(module: Module, node: cst.CSTNode, target: cst.Name) -> bool:
    scope = module.enclosing(node, cst.FunctionDef)
    if scope is None or is_rebound(module, scope, target.value):
        return False
    bound = [one for one in _binders(module, scope) if target.value in _binds(one)]
    return len(bound) == 1


def _is_constant(module: Module, node: cst.CSTNode, used: set[str]) -> bool:
    """Whether the names are bound at the top, above the function, and by no function around."""
    start = start_of(module, statement_around(module, node))
    known = top_names(module, before=start) | BUILTINS
    if not used <= known or used & _bound_around(module, node):
        return False
    return all(is_lasting(module, name) for name in used - BUILTINS)


def _bound_around(module: Module, node: cst.CSTNode) -> set[str]:
    scopes = cst.FunctionDef | cst.Lambda
    around = [one for one in module.ancestors(node) if isinstance(one, scopes)]
    return {
        name
        for scope in around
        for one in _binders(module, scope)
        if one not in around
        for name in _binds(one)
    }


def _binders(module: Module, scope: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for kind in BINDING:
        for one in module.nodes(kind):
            if any(outer is scope for outer in module.ancestors(one)):
                yield one


def _binds(node: cst.CSTNode) -> set[str]:
    if isinstance(node, cst.Param | cst.FunctionDef | cst.ClassDef | cst.AsName):
        return names(node.name)
    if isinstance(node, cst.ImportAlias):
        return {(node.evaluated_alias or node.evaluated_name).partition(".")[0]}
    if isinstance(node, cst.MatchAs | cst.MatchStar):
        return {node.name.value} if node.name is not None else set()
    target = getattr(node, "target", None)
    return names(target) if isinstance(target, cst.CSTNode) else set()


def _only_looked_up(module: Module, node: cst.Call) -> bool:
    """Whether templates are all that is asked of an environment."""
    parent = module.parents[node]
    if isinstance(parent, cst.Attribute):
        return parent.attr.value in LOOKING_UP
    line = _whole_line(module, node)
    if line is None:
        return False
    target = line.targets[0].target
    scope = module.enclosing(node, cst.FunctionDef)
    reads = (
        name
        for name in module.nodes(cst.Name)
        if isinstance(target, cst.Name)
        and name.value == target.value
        and name is not target
        and any(outer is scope for outer in module.ancestors(name))
    )
    return all(
        isinstance(use := module.parents[name], cst.Attribute) and use.attr.value in LOOKING_UP
        for name in reads
    )


def _wanted(node: cst.Call, what: str, is_environment: bool) -> str:
    if is_environment:
        return "environment"
    if function(node) == "create_model" and node.args:
        value = node.args[0].value
        name = value.evaluated_value if isinstance(value, cst.SimpleString) else ""
        return name if isinstance(name, str) and name.isidentifier() else "Model"
    return WANTED.get(what, "template")


def _class_at(module: Module, site: Site) -> cst.ClassDef | None:
    start = module.offset(site.line, 0)
    end = module.content.find(b"\n", start)
    found = (one for one in module.nodes(cst.ClassDef) if start <= module.start(one) <= end)
    return next(found, None)


def _class_moved(module: Module, model: cst.ClassDef) -> list[TextEdit] | str:
    block = module.parents[model]
    if not isinstance(block, cst.IndentedBlock) or len(block.body) == 1 or model.decorators:
        return BODY
    fields = _fields(model)
    text = module.text(model).rstrip()
    if fields is None or '"""' in text or "'''" in text:
        return BODY
    parts = [arg.value for arg in (*model.bases, *model.keywords)]
    used = set().union(*(names(one) for one in parts), *(_uses(one) for one in fields))
    own = {name for one in fields for name in _binds_field(one)}
    values = [*parts, *(one.value for one in fields if one.value is not None)]
    if not _is_constant(module, model, used - own) or not all(map(is_pure, values)):
        return DEPENDS
    scope = module.enclosing(model, cst.FunctionDef)
    if scope is None or is_changed(module, model.name.value, scope):
        return CHANGED_LATER
    if sum(model.name.value in _binds(one) for one in _binders(module, scope)) != 1:
        return BODY
    if free_name(module, model.name.value) != model.name.value:
        return TAKEN
    indent = module.indent(module.start(model))
    lines = [line.removeprefix(indent) for line in text.split("\n")]
    start = start_of(module, statement_around(module, model))
    return [module.insert(start, "\n".join(lines) + "\n\n\n"), _without(module, model, text)]


def _fields(model: cst.ClassDef) -> list[cst.AnnAssign | cst.Assign] | None:
    """The statements of a body of fields with plain annotations, else None."""
    found: list[cst.AnnAssign | cst.Assign] = []
    for statement in model.body.body:
        if not isinstance(statement, cst.SimpleStatementLine):
            return None
        for small in statement.body:
            if isinstance(small, cst.AnnAssign | cst.Assign):
                found.append(small)
            elif not isinstance(small, cst.Pass):
                return None
    return found


def _uses(field: cst.AnnAssign | cst.Assign) -> set[str]:
    """The names that a field reads; those of an annotation in quotes count as unknown."""
    if isinstance(field, cst.Assign):
        return names(field.value)
    used = names(field.annotation.annotation) | (names(field.value) if field.value else set())
    quoted = _has_string(field.annotation.annotation) and "Literal" not in used
    return used | ({"?"} if quoted else set())


def _has_string(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleString) or any(_has_string(one) for one in node.children)


def _binds_field(field: cst.AnnAssign | cst.Assign) -> set[str]:
    targets = [field.target] if isinstance(field, cst.AnnAssign) else [
        one.target for one in field.targets
    ]  # fmt: skip
    return {dotted(one) for one in targets}


def _without(module: Module, model: cst.ClassDef, text: str) -> TextEdit:
    """Without the class, and without the empty line that follows it."""
    start = module.content.rfind(b"\n", 0, module.start(model)) + 1
    end = module.content.find(b"\n", module.start(model) + len(text.encode())) + 1
    rest = module.content[end:]
    blank = rest[: rest.find(b"\n") + 1]
    return TextEdit(module.path, start, end + (len(blank) if not blank.strip() else 0), "")
