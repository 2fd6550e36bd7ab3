"""Django REST framework: names the serializer field that a query is made for."""

from __future__ import annotations

from types import FrameType, ModuleType

from unslow.observe import _record, _through, _wire

MODULES = ("rest_framework.serializers",)


def install(module: ModuleType) -> None:
    """Name fields while `Serializer.to_representation` runs."""
    if _record.level() == "full":
        _through.register(module.Serializer.to_representation.__code__, serializer_path)


@_wire.safely
def serializer_path(frames: list[FrameType]) -> list[str]:
    """`OrderSerializer.items.product`: the outermost serializer, and the fields read within."""
    outermost = frames[-1].f_locals.get("self")
    names = [type(outermost).__name__]
    for frame in reversed(frames):
        field = frame.f_locals.get("field")
        if field is not None:
            names.append(str(field.field_name))
    return [".".join(names)]
