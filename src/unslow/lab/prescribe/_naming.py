"""Names for what a queryset puts on its instances, clear of what they have."""

import re
from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._querysets import Spot
from unslow.lab.prescribe._source import Source
from unslow.lab.prescribe._uses import Use
from unslow.model import Model


def filter_words(use: Use) -> str:
    """The constants of a use's filters as words: `status="paid"` gives "paid".

    Where they are none, the name of the function that filters; "" without a filter.
    """
    args = [arg for step in use.steps for arg in step.args]
    words = "_".join(word for step in use.steps for word in _step_words(step))
    function = use.module.enclosing(use.node, cst.FunctionDef)
    if words or not args or function is None:
        return words
    return function.name.value.removeprefix("get_").strip("_")


def is_taken(name: str, model: Model, place: Spot, source: Source) -> bool:
    """Whether the model's fields, its module or the queryset's module know the name."""
    declared = {f.name for f in model.fields}
    declared |= {n for r in model.relations for n in (r.name, r.query_name)}
    paths = {place.module.path, model.site.path if model.site else ""}
    modules = [module for path in paths if path and (module := source.module(path))]
    return name in declared or any(_mentions(module, name) for module in modules)


def _step_words(step: cst.Call) -> Iterator[str]:
    words = [word for arg in step.args for word in _words(arg)]
    if words and chains.method(step) == "exclude":
        yield "not"
    yield from words


def _words(arg: cst.Arg) -> Iterator[str]:
    if arg.keyword is None:
        return
    lookup = arg.keyword.value.replace("__", "_")
    value = chains.string(arg.value) or chains.dotted(arg.value).rpartition(".")[2]
    if value in ("True", "False"):
        yield lookup if value == "True" else f"not_{lookup}"
    elif isinstance(arg.value, cst.Integer):
        yield f"{lookup}_{arg.value.value}"
    elif re.fullmatch(r"[A-Za-z]\w*", value):
        yield value.lower()


def _mentions(module: Module, name: str) -> bool:
    return re.search(rf"\b{name}\b".encode(), module.content) is not None
