"""Edits to the keyword arguments of one call: set, replaced, taken out."""

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._module import Module
from unslow.model import TextEdit


def keyword(call: cst.Call, name: str) -> cst.Arg | None:
    return next((a for a in call.args if a.keyword is not None and a.keyword.value == name), None)


def is_open(call: cst.Call) -> bool:
    """Whether arguments come from somewhere else, too (`**options`)."""
    return any(arg.star for arg in call.args)


def without(module: Module, call: cst.Call, name: str) -> TextEdit | None:
    """Take the argument out, which is not the first."""
    position = next((n for n, arg in enumerate(call.args) if arg is keyword(call, name)), 0)
    if not position:
        return None
    before, arg = call.args[position - 1], call.args[position]
    return TextEdit(module.path, module.end(before.value), module.end(arg.value), "")


def put(module: Module, call: cst.Call, name: str, value: str) -> TextEdit:
    """Give the argument this value, at the end of the call where it is missing."""
    arg = keyword(call, name)
    if arg is not None:
        return module.replace(arg.value, value)
    return chains.add_argument(module, call, f"{name}={value}")
