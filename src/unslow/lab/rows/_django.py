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
