"""Counts the templates that application code renders, by template and place."""

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from unslow.observe import _record, _sites, _wire
from unslow.observe._patch import Function
from unslow.observe._sites import Site

# A library renders pieces of a template (a form's widgets) for the same expression.
_outer: ContextVar[list[Site] | None] = ContextVar("unslow_render", default=None)


def counted(name_of: Callable[[Any], str]) -> Callable[[Function], Function]:
    """For a template's `render` method; `name_of` gives the template's name."""

    def make(original: Function) -> Function:
        def render(self: Any, *args: Any, **kwargs: Any) -> Any:
            record = _record.current()
            begun = _begin(record) if record is not None else None
            if record is None or begun is None or begun[0] == _outer.get():
                return original(self, *args, **kwargs)
            stack, before = begun
            token = _outer.set(stack)
            started = time.perf_counter()
            try:
                return original(self, *args, **kwargs)
            finally:
                _outer.reset(token)
                spent = (time.perf_counter() - started) * 1000
                _note(record, name_of, self, stack, spent, before)

        return render

    return make


@_wire.safely
def _begin(record: _record.RequestRecord) -> tuple[list[Site], int]:
    """Who renders, and how many queries there were before."""
    return _sites.application_stack(), len(record.queries)


@_wire.safely
def _note(
    record: _record.RequestRecord,
    name_of: Callable[[Any], str],
    template: Any,
    stack: list[Site],
    spent: float,
    before: int,
) -> None:
    """Add to what the place rendered already; what the database needed is not counted."""
    name = name_of(template)
    spent -= sum(query["duration_ms"] for query in record.queries[before:])
    known = record.parts.setdefault("renders", [])
    same = (one for one in known if one["template"] == name and one["stack"] == stack)
    found = next(same, None)
    if found is None:
        found = {"template": name, "times": 0, "duration_ms": 0.0, "stack": stack}
        known.append(found)
    found["times"] += 1
    found["duration_ms"] += max(spent, 0.0)
