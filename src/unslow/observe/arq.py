"""arq: the jobs that a request puts into a queue."""

from types import ModuleType
from typing import Any

from unslow.observe import _effects, _record
from unslow.observe._patch import Function, wrap

MODULES = ("arq.connections",)


def install(module: ModuleType) -> None:
    if _record.level() != "off":
        wrap(module.ArqRedis, "enqueue_job", _enqueue)


def _enqueue(original: Function) -> Function:
    async def enqueue_job(self: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
        named = {key: value for key, value in kwargs.items() if not key.startswith("_")}
        _effects.task(function, args, named, queue=kwargs.get("_queue_name"))
        with _effects.within():
            return await original(self, function, *args, **kwargs)

    return enqueue_job
