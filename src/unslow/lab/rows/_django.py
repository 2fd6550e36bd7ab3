"""What a chain of Django's queryset methods says about its rows."""

import ast

from unslow.lab.rows._flow import Rows, chain, method

PLAIN = frozenset(
    """
    all filter exclude order_by annotate alias distinct using select_related prefetch_related
    only defer reverse none iterator get_queryset
    """.split()  # noqa: SIM905
)
ROWLESS = frozenset({"values", "values_list", "dates", "datetimes", "raw", "union"})
ENDS = frozenset({"iterator"})


def steps(rows: Rows) -> list[str]:
    """The methods of the queryset's chain as far as it is seen, slices as `__getitem__`."""
    return [name for step in chain(rows.query) if (name := _name(step))]


def is_queryset(rows: Rows) -> bool:
    """Whether the chain gives instances that are read by nothing but what follows it."""
    return not set(steps(rows)) & (ROWLESS | {"select_for_update", "intersection", "difference"})


def is_sliced(rows: Rows) -> bool:
    return "__getitem__" in steps(rows)


def _name(step: object) -> str:
    if isinstance(step, ast.Subscript):
        return "__getitem__"
    return method(step) if isinstance(step, ast.Call) else ""


def point(rows: Rows) -> ast.expr | None:
    """The queryset before it is sliced or iterated; None for what is no chain of methods."""
    for step in chain(rows.query):
        if isinstance(step, ast.Subscript) or method(step) in ENDS:
            continue
        return step if isinstance(step, ast.Call) and method(step) in PLAIN else None
    return None


def ordering(rows: Rows) -> tuple[str, ...] | None:
    """The constant names by which the chain orders its rows; () where it does not say."""
    for step in chain(rows.query):
        if isinstance(step, ast.Call) and method(step) in ("order_by", "reverse"):
            values = [a.value for a in step.args if isinstance(a, ast.Constant)]
            known = [value for value in values if isinstance(value, str) and value != "?"]
            whole = method(step) == "order_by" and len(known) == len(step.args)
            return tuple(known) if whole else None
    return ()
