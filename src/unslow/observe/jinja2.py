"""Jinja2: names the template and line that a query is made for."""

from __future__ import annotations

from types import FrameType, ModuleType

from unslow.observe import _record, _through, _wire

MODULES = ("jinja2",)

_TEMPLATE = "__jinja_template__"  # every compiled template's module holds it


def install(module: ModuleType) -> None:
    """Nothing is replaced: the frames of templates that run are read."""
    if _record.level() == "full":
        _through.register_global(_TEMPLATE, template_lines)


@_wire.safely
def template_lines(frames: list[FrameType]) -> list[str]:
    """`orders.html:12`, one per template, innermost first."""
    lines: dict[str, str] = {}
    for frame in frames:
        template = frame.f_globals[_TEMPLATE]
        line = template.get_corresponding_lineno(frame.f_lineno)
        lines.setdefault(template.name, f"{template.name or '<template>'}:{line}")
    return list(lines.values())
