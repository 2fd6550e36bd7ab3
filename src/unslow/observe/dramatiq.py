"""Dramatiq: the messages that a request sends to actors."""

from types import ModuleType
from typing import Any

from unslow.observe import _effects, _record, _wire
from unslow.observe._patch import Function, wrap

MODULES = ("dramatiq.actor",)


def install(module: ModuleType) -> None:
    if _record.level() != "off":
        wrap(module.Actor, "send_with_options", _send)


def _send(original: Function) -> Function:
    def send_with_options(self: Any, **options: Any) -> Any:
        _note(self, options)
        with _effects.within():
            return original(self, **options)

    return send_with_options


@_wire.safely
def _note(actor: Any, options: dict[str, Any]) -> None:
    delay = options.get("delay")
    _effects.task(
        actor.actor_name,
        options.get("args"),
        options.get("kwargs"),
        queue=actor.queue_name,
        delay=None if delay is None else str(delay),
    )
