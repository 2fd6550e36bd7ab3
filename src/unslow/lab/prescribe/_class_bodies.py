"""Additions to a class body that compose: two patches may each add to one list or tuple."""

from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe._chains import dotted
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import Model, TextEdit


def class_of(model: Model, source: Source) -> tuple[Module, cst.ClassDef] | None:
    """The model's class statement; None when it is not in the source or not found there."""
    module = source.module(model.site.path) if model.site is not None else None
    if module is None or model.site is None:
        return None
    named = [node for node in module.nodes(cst.ClassDef) if node.name.value == model.name]
    lines = {_line(module, node): node for node in named}
    found = lines.get(model.site.line) or (named[0] if len(named) == 1 else None)
    return (module, found) if found is not None else None


def assigned(body: cst.ClassDef, name: str) -> tuple[cst.Assign | cst.AnnAssign, int] | None:
    """The statement of a class body that assigns `name`, and how often one does."""
    found = [small for small in _small(body) if name in _targets(small)]
    assigns = [one for one in found if isinstance(one, cst.Assign | cst.AnnAssign)]
    return (assigns[0], len(found)) if assigns else None


def inner_class(body: cst.ClassDef, name: str) -> cst.ClassDef | None:
    return next(
        (n for n in body.body.body if isinstance(n, cst.ClassDef) and n.name.value == name), None
    )


def defines(body: cst.ClassDef, name: str) -> bool:
    """Whether the class binds `name` in any way: assigned, a method, a class."""
    named = (n.name.value for n in body.body.body if isinstance(n, cst.ClassDef | cst.FunctionDef))
    return name in named or any(name in _targets(small) for small in _small(body))


def last_field(module: Module, body: cst.ClassDef) -> cst.BaseStatement | None:
    """The last assignment before the first method, else the body's last statement."""
    if not isinstance(body.body, cst.IndentedBlock):
        return None
    found: cst.BaseStatement | None = None
    for statement in body.body.body:
        if isinstance(statement, cst.FunctionDef):
            break
        if isinstance(statement, cst.SimpleStatementLine) and _assigns(statement):
            found = statement
    return found or body.body.body[-1]


def bases(body: cst.ClassDef) -> list[str]:
    return [dotted(arg.value) or "?" for arg in body.bases if arg.keyword is None]


def resolve(name: str, module: Module, source: Source) -> tuple[Module, cst.ClassDef] | None:
    """The class of the application that a base's name stands for, when there is only one."""
    last = name.rpartition(".")[2]
    here = [node for node in module.nodes(cst.ClassDef) if node.name.value == last]
    if len(here) == 1:
        return module, here[0]
    wanted = f"class {last}".encode()
    files = list(source.mentioning(wanted))
    found = [
        (other, node)
        for path in files
        if (other := source.module(path)) is not None
        for node in other.nodes(cst.ClassDef)
        if node.name.value == last
    ]
    return found[0] if len(found) == 1 else None


def new_block(
    module: Module, after: cst.CSTNode, opening: str, item: str, closing: str
) -> list[TextEdit]:
    """Lines after a statement: what opens and closes is made once, items of patches add up."""
    end = line_end(module, after)
    if end == len(module.content):
        return [module.insert(end, f"{opening}{item}{closing}\n")]
    return [
        module.insert(end, opening),
        module.insert(end, item),
        TextEdit(module.path, end, end + 1, f"{closing}\n"),
    ]


def add_element(module: Module, sequence: cst.List | cst.Tuple, text: str) -> list[TextEdit]:
    """`text` as one more element of a list or tuple, in the layout of the others."""
    elements = sequence.elements
    if not elements:
        return []
    last = elements[-1]
    before = module.content[: module.start(last.value)]
    kept = before.rstrip(b" \t")
    gap = "\n" + before[len(kept) :].decode() if kept.endswith(b"\n") else " "
    if not isinstance(last.comma, cst.Comma):
        return [module.insert(module.end(last.value), f",{gap}{text}")]
    comma = module.content.index(b",", module.end(last.value)) + 1
    return [module.insert(comma if gap == " " else line_end_at(module, comma), f"{gap}{text},")]


def line_end(module: Module, node: cst.CSTNode) -> int:
    return line_end_at(module, module.end(node))


def line_end_at(module: Module, offset: int) -> int:
    """Where the line of `offset` ends, before its line break."""
    end = module.content.find(b"\n", offset)
    if end < 0:
        return len(module.content)
    return end - 1 if module.content[end - 1 : end] == b"\r" else end


def _line(module: Module, node: cst.CSTNode) -> int:
    return module.content[: module.start(node)].count(b"\n") + 1


def _small(body: cst.ClassDef) -> Iterator[cst.BaseSmallStatement]:
    for statement in body.body.body:
        if isinstance(statement, cst.SimpleStatementLine):
            yield from statement.body
        elif isinstance(statement, cst.BaseSmallStatement):
            yield statement


def _targets(small: cst.BaseSmallStatement) -> list[str]:
    if isinstance(small, cst.Assign):
        return [dotted(target.target) for target in small.targets]
    if isinstance(small, cst.AnnAssign | cst.AugAssign):
        return [dotted(small.target)]
    return []


def _assigns(statement: cst.SimpleStatementLine) -> bool:
    return any(isinstance(small, cst.Assign | cst.AnnAssign) for small in statement.body)
