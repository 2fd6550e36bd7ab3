"""Django's own tasks (6.0 and later): what a request puts into a queue, whatever the backend."""

from types import ModuleType
from typing import Any

from unslow.observe import _effects, _record, _wire
from unslow.observe._patch import Function, wrap

MODULES = ("django.tasks.base",)


def install(module: ModuleType) -> None:
    """Watch both ways to put a task into a queue; one that runs at once has effects of its own."""
    if _record.level() != "off":
        for name in ("enqueue", "aenqueue"):
            wrap(module.Task, name, _enqueue)


def _enqueue(original: Function) -> Function:
    def enqueue(self: Any, *args: Any, **kwargs: Any) -> Any:
        _note(self, args, kwargs)
        return original(self, *args, **kwargs)

    return enqueue


@_wire.safely
def _note(task: Any, args: Any, kwargs: Any) -> None:
    _effects.task(task.module_path, args, kwargs, queue=task.queue_name)
