"""Keeps a request known in the tasks and threads that it starts, and who started them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from unslow.observe import _imports, _record, _sites, _wire
from unslow.observe._patch import Function, wrap
from unslow.observe._sites import Site


def install() -> None:
    """Watch thread pools, tasks, and the bridges between threads and event loops."""
    _imports.after("concurrent.futures.thread", _install_pools)
    _imports.after("threading", _install_threads)
    if _record.level() == "full":
        _imports.after("asyncio.base_events", _install_loops)
        _imports.after("asyncio.events", lambda module: _sites.floor(module.Handle._run))
        _imports.after("asyncio.runners", lambda module: _sites.floor(module.Runner.run))
        _imports.after("asyncio.threads", _install_to_thread)
        _imports.after("uvloop", _install_uvloop)
        _imports.after("asgiref.sync", _install_asgiref)
        _imports.after("anyio.to_thread", _install_anyio)


def _install_pools(module: ModuleType) -> None:
    wrap(module.ThreadPoolExecutor, "submit", _submit)


def _start(original: Function) -> Function:
    """A thread knows the request that started it, for what it sends after the request's end."""

    def start(self: Any) -> Any:
        record = _record.current()
        if record is not None:
            setattr(self, _record.THREAD_MARK, record.id)
        return original(self)

    return start


def _install_threads(module: ModuleType) -> None:
    wrap(module.Thread, "start", _start)


def _install_loops(module: ModuleType) -> None:
    wrap(module.BaseEventLoop, "create_task", _create_task)
    _sites.floor(module.BaseEventLoop.run_forever)


def _install_to_thread(module: ModuleType) -> None:
    wrap(module, "to_thread", _awaited)
    package: Any = sys.modules["asyncio"]
    if hasattr(package, "to_thread"):  # imported before the recorder
        package.to_thread = module.to_thread


def _install_uvloop(module: ModuleType) -> None:
    if getattr(module.Loop.create_task, "__module__", "") != __name__:
        # The method of the C base cannot be replaced.
        module.Loop.create_task = _create_task(module.Loop.create_task)


def _install_asgiref(module: ModuleType) -> None:
    wrap(module.SyncToAsync, "__call__", _awaited)
    wrap(module.AsyncToSync, "__call__", _called)


def _install_anyio(module: ModuleType) -> None:
    wrap(module, "run_sync", _awaited)


def _here() -> tuple[Site, ...]:
    """The application's stack now, where a request is under way and stacks are wanted."""
    try:
        if _record.level() == "full" and _record.current() is not None:
            return tuple(_sites.application_stack())
    except Exception as problem:  # noqa: BLE001
        _wire.error(problem)
    return ()


@contextmanager
def _created_here() -> Iterator[None]:
    token = _sites.created_at.set(_here() or _sites.created_at.get())
    try:
        yield
    finally:
        _sites.created_at.reset(token)


def _create_task(original: Function) -> Function:
    def create_task(self: Any, coro: Any, **options: Any) -> Any:
        context = options.get("context")
        stack = _here()
        if not stack:
            return original(self, coro, **options)
        if context is not None:
            context.run(_sites.created_at.set, stack)
            return original(self, coro, **options)
        token = _sites.created_at.set(stack)
        try:
            return original(self, coro, **options)
        finally:
            _sites.created_at.reset(token)

    return create_task


def _awaited(original: Function) -> Function:
    async def bridge(*args: Any, **kwargs: Any) -> Any:
        with _created_here():
            return await original(*args, **kwargs)

    return bridge


def _called(original: Function) -> Function:
    def bridge(*args: Any, **kwargs: Any) -> Any:
        with _created_here():
            return original(*args, **kwargs)

    return bridge


def _submit(original: Function) -> Function:
    def submit(self: Any, fn: Function, /, *args: Any, **kwargs: Any) -> Any:
        record = _record.current()
        if record is None:
            return original(self, fn, *args, **kwargs)
        return original(self, _Work(fn, record, _here()), *args, **kwargs)

    return submit


class _Work:
    """A function that runs in a pool's thread for the request that submitted it."""

    __slots__ = ("function", "record", "stack")

    def __init__(
        self, function: Function, record: _record.RequestRecord, stack: tuple[Site, ...]
    ) -> None:
        self.function = function
        self.record = record
        self.stack = stack

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        left = _record.enter(self.record)
        token = _sites.created_at.set(self.stack)
        try:
            return self.function(*args, **kwargs)
        finally:
            _sites.created_at.reset(token)
            _record.leave(left)
