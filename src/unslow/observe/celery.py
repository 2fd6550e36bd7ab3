"""Celery: the tasks that a request puts into a queue, or runs eagerly."""

from types import ModuleType
from typing import Any

from unslow.observe import _effects, _record, _wire
from unslow.observe._patch import Function, wrap

MODULES = ("celery.app.task", "celery.app.base")

_OPTIONS = ("countdown", "queue", "priority", "routing_key")


def install(module: ModuleType) -> None:
    """Watch tasks that are called by themselves and by name."""
    if _record.level() == "off":
        return
    if module.__name__ == "celery.app.task":
        wrap(module.Task, "apply_async", _apply_async)
    else:
        wrap(module.Celery, "send_task", _send_task)


def _apply_async(original: Function) -> Function:
    def apply_async(
        self: Any, args: Any = None, kwargs: Any = None, *rest: Any, **options: Any
    ) -> Any:
        _note(self.name, args, kwargs, options)
        if getattr(self.app.conf, "task_always_eager", False):
            return original(
                self, args, kwargs, *rest, **options
            )  # runs here: its own effects count
        with _effects.within():
            return original(self, args, kwargs, *rest, **options)

    return apply_async


def _send_task(original: Function) -> Function:
    def send_task(
        self: Any, name: Any, args: Any = None, kwargs: Any = None, *rest: Any, **options: Any
    ) -> Any:
        _note(name, args, kwargs, options)
        with _effects.within():
            return original(self, name, args, kwargs, *rest, **options)

    return send_task


@_wire.safely
def _note(name: Any, args: Any, kwargs: Any, options: dict[str, Any]) -> None:
    _effects.task(name, args, kwargs, **{key: options.get(key) for key in _OPTIONS})
