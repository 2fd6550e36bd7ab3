"""Says what to write against a repeated query, where the recorder knows what it was for."""

import ast
from collections.abc import Sequence

from unslow.model import Load, Query
from unslow.rules.causes import ENDINGS

LONGEST = 140  # characters of code that a message repeats

AGGREGATES = {"count": "Count", "exists": "Exists", "aggregate": "Sum"}


def fix(queries: Sequence[Query], cause: str) -> str:
    """One sentence. `cause` is the text of the expression at fault, or empty."""
    query = queries[0]
    load = query.load
    if load is None:
        return "read all of it in one statement before the loop: WHERE … IN (…), or a join"
    path = (*(load.origin.path if load.origin else ()), load.relation)
    if not load.relation or not load.parent:
        return _lookup(load)
    step = _django(load, path) if load.orm == "django" else _sqlalchemy(load, path)
    return _placed(step, cause)


def _lookup(load: Load) -> str:
    name = load.model.rpartition(".")[2] or "the rows"
    if load.orm == "django":
        return f"read all of them before the loop: {name}.objects.in_bulk(keys), or a join"
    return f"read all of them before the loop: select({name}).where({name}.id.in_(keys))"


def _placed(step: str, cause: str) -> str:
    """The cause with the step at its end, where it may stand there."""
    if not step.startswith("."):
        return step
    whole = f"{cause}{step}"
    return whole if len(whole) <= LONGEST and _may_go_on(cause) else f"add {step} to the cause"


def _may_go_on(text: str) -> bool:
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return False
    if isinstance(node, ast.Call):
        node = node.func
        return getattr(node, "attr", getattr(node, "id", "")) not in ENDINGS
    return isinstance(node, ast.Attribute)


def _django(load: Load, path: Sequence[str]) -> str:
    name = "__".join(path)
    match load.kind:
        case "forward":
            return f'.select_related("{name}")'
        case "reverse" if load.plain:
            return f'.prefetch_related("{name}")'
        case "generic":
            return f'.prefetch_related("{name}")'
        case "deferred":
            return f"read {path[-1]!r} with the rows: in .only(), or not in .defer()"
        case "count" | "exists" | "aggregate":
            return f'annotate the rows: .annotate(…={AGGREGATES[load.kind]}("{name}"))'
        case _:
            model = load.model.rpartition(".")[2]
            return (
                f'.prefetch_related(Prefetch("{name}", {model}.objects.filter(…), to_attr="…")), '
                "and read that attribute in the loop"
            )


def _sqlalchemy(load: Load, path: Sequence[str]) -> str:
    model = (load.origin.model if load.origin else load.parent).rpartition(".")[2]
    if load.kind == "deferred":
        return f"read {path[-1]!r} with the rows: name it in load_only(), or undefer it"
    option = "joinedload" if load.kind == "forward" else "selectinload"
    names = [f"{model}.{path[0]}", *(f"{_parent(load)}.{name}" for name in path[1:])]
    return ".options(" + ".".join(f"{option}({name})" for name in names) + ")"


def _parent(load: Load) -> str:
    return load.parent.rpartition(".")[2]
