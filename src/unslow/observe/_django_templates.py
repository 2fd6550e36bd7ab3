"""Django templates: names the template and line that a query is made for."""

from __future__ import annotations

from types import FrameType, ModuleType
from typing import Any

from unslow.observe import _through, _wire


def install(base: ModuleType) -> None:
    """Hook `django.template.base` (nothing is replaced: its running frames are read)."""
    _through.register(base.Node.render_annotated.__code__, template_lines)


def name(template: Any) -> str:
    """`shop/orders.html` of a backend's template."""
    return getattr(template.origin, "template_name", None) or "<template>"


@_wire.safely
def template_lines(frames: list[FrameType]) -> list[str]:
    """`shop/orders.html:12`, one per template, innermost first."""
    lines: dict[str, str] = {}
    for frame in frames:
        node = frame.f_locals.get("self")
        name = getattr(getattr(node, "origin", None), "template_name", None) or ""
        line = getattr(getattr(node, "token", None), "lineno", None)
        if line is not None and name not in lines:
            lines[name] = f"{name or '<template>'}:{line}"
    return list(lines.values())
