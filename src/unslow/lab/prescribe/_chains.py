"""Method chains in source: their calls, and where another call or argument goes."""

from collections.abc import Iterator, Sequence

import libcst as cst

from unslow.lab.prescribe._layout import LINE_LENGTH, Call, Text, lay_out
from unslow.lab.prescribe._module import Module
from unslow.model import TextEdit


def method(node: cst.CSTNode) -> str:
    """The name of the method that `node` calls, or ""."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        return node.func.attr.value
    return ""


def function(node: cst.CSTNode) -> str:
    """The last part of the name of the function that `node` calls, or ""."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name):
        return node.func.value
    return method(node)


def receiver(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """What the last step of a chain is applied to: `a.b` of `a.b.c()` and of `a.b[0]`."""
    if isinstance(node, cst.Call):
        return receiver(node.func) if isinstance(node.func, cst.Attribute) else None
    if isinstance(node, cst.Attribute | cst.Subscript):
        return node.value
    if isinstance(node, cst.Await):
        return node.expression
    return None


def chain(node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """The expressions of a chain from the last step back to its root, `node` included."""
    step: cst.BaseExpression | None = node
    while step is not None:
        yield step
        step = receiver(step)


def call_in(node: cst.BaseExpression, name: str) -> cst.Call | None:
    """The last call of the method `name` in the chain that ends in `node`."""
    for step in chain(node):
        if isinstance(step, cst.Call) and method(step) == name:
            return step
    return None


def dotted(node: cst.BaseExpression) -> str:
    """`a.b.c` for names and attributes, else ""."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        start = dotted(node.value)
        return f"{start}.{node.attr.value}" if start else ""
    return ""


def string(node: cst.BaseExpression) -> str | None:
    """The value of a string literal."""
    if isinstance(node, cst.SimpleString | cst.ConcatenatedString):
        value = node.evaluated_value
        return value if isinstance(value, str) else None
    return None


def add_call(module: Module, node: cst.BaseExpression, name: str, args: Sequence[Text]) -> TextEdit:
    """Apply the method `name` to the value of `node`, in the layout of the chain around it."""
    offset = module.end(node)
    following = module.parents.get(node)
    if isinstance(following, cst.Attribute) and following.value is node and not node.lpar:
        gap = module.content[offset : module.start(following.attr)].decode().rpartition(".")[0]
        if "\n" in gap:
            break_ = _newline(gap)
            text = _rendered(name, args, break_[1:], len(break_))
            return module.insert(offset + len(gap.encode()), text + break_)
    if break_ := _chain_break(module, node):
        text = _rendered(name, args, break_[1:], len(break_))
        return module.insert(after_comment(module, offset), break_ + text)
    used = _line_length(module, offset)
    return module.insert(offset, _rendered(name, args, module.indent(offset), used))


def broken(
    module: Module, node: cst.BaseExpression, name: str, args: Sequence[Text]
) -> list[TextEdit] | None:
    """The same where a line has no room even for the call's name: the chain gets parentheses and
    a line for each call. None where it fits, or where the statement is not a plain one.

    The closing parenthesis has a line and an offset of its own, so that other calls may be added.
    """
    end = module.end(node)
    if _line_start_length(module, end) + len(f".{name}(") <= LINE_LENGTH or node.lpar:
        return None
    top: cst.BaseExpression = node
    while isinstance(around := module.parents.get(top), cst.Attribute | cst.Call | cst.Subscript):
        if receiver(around) is not top and getattr(around, "func", None) is not top:
            return None
        top = around
    start, stop = module.start(top), module.end(top)
    line_end = module.content.find(b"\n", stop)
    plain = isinstance(around, cst.Assign | cst.Return) and not top.lpar
    alone = line_end >= 0 and not module.content[stop:line_end].strip()
    if not plain or not alone or b"\n" in module.content[start:stop]:
        return None
    outer = module.indent(start)
    gap = f"\n{outer}    "
    dots = [
        module.end(attribute.value)
        for step in chain(top)
        if isinstance(attribute := getattr(step, "func", step), cst.Attribute)
        and isinstance(attribute.value, cst.Call | cst.Subscript)
    ]
    added = gap + _rendered(name, args, gap[1:], len(gap))
    return [
        module.insert(start, f"({gap}"),
        *(module.insert(offset, gap) for offset in sorted(dots) if offset != end),
        module.insert(end, added),
        module.insert(line_end + 1, f"{outer})\n"),
    ]


def _line_start_length(module: Module, offset: int) -> int:
    start = module.content.rfind(b"\n", 0, offset) + 1
    return len(module.content[start:offset].decode())


def _rendered(name: str, args: Sequence[Text], indent: str, used: int) -> str:
    return lay_out(Call(f".{name}", tuple(args)), indent, used)


def add_argument(module: Module, call: cst.Call, text: str) -> TextEdit:
    """Append an argument to a call that has one, in the layout of its arguments."""
    last = call.args[-1]
    start = module.content[: module.start(last)]
    lead = start[len(start.rstrip()) :].decode()
    if "\n" not in lead:
        return module.insert(module.end(last), f", {text}")
    if isinstance(last.comma, cst.Comma):
        comma = module.content.index(b",", module.end(last)) + 1
        return module.insert(after_comment(module, comma), f"{_newline(lead)}{text},")
    return module.insert(module.end(last), f",{_newline(lead)}{text}")


def _newline(gap: str) -> str:
    """The line break and the indentation that end `gap`."""
    return "\n" + gap.rpartition("\n")[2]


def _chain_break(module: Module, node: cst.BaseExpression) -> str:
    """The break before the last dot of a chain that stands on several lines, or ""."""
    before = receiver(node)
    if before is None or isinstance(node, cst.Subscript | cst.Await):
        return ""
    attribute = node.func if isinstance(node, cst.Call) else node
    assert isinstance(attribute, cst.Attribute)
    gap = module.content[module.end(before) : module.start(attribute.attr)].decode()
    gap = gap.rpartition(".")[0]
    return _newline(gap) if "\n" in gap else ""


def after_comment(module: Module, offset: int) -> int:
    """The end of the line when nothing but a comment follows `offset`, else `offset`."""
    end = module.content.find(b"\n", offset)
    rest = module.content[offset:end].rstrip() if end > 0 else b""
    if rest.lstrip().startswith(b"#"):
        return offset + len(rest)
    return offset


def _line_length(module: Module, offset: int) -> int:
    start = module.content.rfind(b"\n", 0, offset) + 1
    end = module.content.find(b"\n", offset)
    return len(module.content[start : end if end >= 0 else None].decode())
