"""Jinja2: names the template and line that a query is made for."""

from __future__ import annotations

from types import FrameType, ModuleType
from typing import Any

from unslow.observe import _record, _renders, _through, _wire
from unslow.observe._patch import wrap

MODULES = ("jinja2",)

_TEMPLATE = "__jinja_template__"  # every compiled template's module holds it


def install(module: ModuleType) -> None:
    """Read the frames of templates that run, and count what is rendered."""
    if _record.level() == "full":
        _through.register_global(_TEMPLATE, template_lines)
        wrap(module.Template, "render", _renders.counted(_name))


def _name(template: Any) -> str:
    return template.name or "<template>"


@_wire.safely
def template_lines(frames: list[FrameType]) -> list[str]:
    """`orders.html:12`, one per template, innermost first."""
    lines: dict[str, str] = {}
    for frame in frames:
        template = frame.f_globals[_TEMPLATE]
        line = template.get_corresponding_lineno(frame.f_lineno)
        lines.setdefault(template.name, f"{template.name or '<template>'}:{line}")
    return list(lines.values())
