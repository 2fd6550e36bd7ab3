"""Django REST framework: the serializer field that a query is made for, the time of encoding."""

from __future__ import annotations

from types import FrameType, ModuleType
from typing import Any

from unslow.observe import _encodings, _record, _through, _wire
from unslow.observe._patch import Function, wrap

MODULES = ("rest_framework.serializers",)


def install(module: ModuleType) -> None:
    """Name fields while `Serializer.to_representation` runs, and time the outermost."""
    if _record.level() == "full":
        _through.register(module.Serializer.to_representation.__code__, serializer_path)
        wrap(module.Serializer, "to_representation", _timed)
        wrap(module.ListSerializer, "to_representation", _timed_list)


def _timed(original: Function) -> Function:
    def to_representation(self: Any, instance: Any) -> Any:
        if _encodings.is_inside():
            return original(self, instance)
        with _encodings.encoding("serializer", type(self), instance):
            return original(self, instance)

    return to_representation


def _timed_list(original: Function) -> Function:
    def to_representation(self: Any, data: Any) -> Any:
        if _encodings.is_inside():
            return original(self, data)
        content: list[Any] = []
        with _encodings.encoding("serializer", type(self.child), content):
            rows = original(self, data)
            content += rows
            return rows

    return to_representation


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
