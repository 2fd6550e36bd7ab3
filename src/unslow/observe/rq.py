"""RQ: the jobs that a request puts into a queue, now or for later."""

from types import ModuleType
from typing import Any

from unslow.observe import _effects, _record, _wire
from unslow.observe._patch import Function, wrap

MODULES = ("rq.queue",)


def install(module: ModuleType) -> None:
    """Watch jobs where they are finished, before they are stored."""
    if _record.level() == "off":
        return
    for name in ("enqueue_job", "_enqueue_job", "schedule_job", "enqueue_many"):
        wrap(module.Queue, name, _many if name == "enqueue_many" else _one)


def _one(original: Function) -> Function:
    def enqueue(self: Any, job: Any, *args: Any, **kwargs: Any) -> Any:
        _note(self, job)
        with _effects.within():
            return original(self, job, *args, **kwargs)

    return enqueue


def _many(original: Function) -> Function:
    def enqueue_many(self: Any, job_datas: Any, *args: Any, **kwargs: Any) -> Any:
        jobs = list(job_datas)
        for job in jobs:
            _note_data(self, job)
        with _effects.within():
            return original(self, jobs, *args, **kwargs)

    return enqueue_many


@_wire.safely
def _note(queue: Any, job: Any) -> None:
    _effects.task(job.func_name, job.args, job.kwargs, queue=queue.name)


@_wire.safely
def _note_data(queue: Any, job: Any) -> None:
    name = job.func if isinstance(job.func, str) else getattr(job.func, "__qualname__", "job")
    _effects.task(name, job.args, job.kwargs, queue=queue.name)
