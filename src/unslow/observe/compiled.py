"""Patterns, templates and models that a request builds out of their description."""

import time
from collections.abc import Callable
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from unslow.observe import _effects, _record, _sites, _wire
from unslow.observe._patch import Function, wrap

MODULES = (
    "re._compiler",
    "pydantic.type_adapter",
    "pydantic._internal._model_construction",
    "jinja2.environment",
    "django.template.base",
)

DEPTH = "_parent_depth"  # how many frames above it TypeAdapter looks for names
_inside: ContextVar[bool] = ContextVar("unslow_compiling", default=False)

Digest = Callable[..., Any]


def install(module: ModuleType) -> None:
    """Watch what a library does only where it has nothing in its cache."""
    if _record.level() != "full":
        return
    if module.__name__ == "re._compiler":
        wrap(module, "compile", _timed("re.Pattern", _pattern))
    elif module.__name__ == "pydantic.type_adapter":
        wrap(module.TypeAdapter, "__init__", _frames_deeper)
    elif module.__name__ == "jinja2.environment":
        wrap(module.Environment, "compile", _timed("jinja2.Template", _source))
    elif module.__name__ == "django.template.base":
        wrap(module.Template, "compile_nodelist", _timed("django.template.Template", _template))
    else:
        wrap(module, "complete_model_class", _timed("pydantic.BaseModel", _model))


def _timed(what: str, digest: Digest) -> Callable[[Function], Function]:
    def make(original: Function) -> Function:
        def compile(*args: Any, **options: Any) -> Any:
            record = None if _inside.get() else _record.current()
            if record is None:
                return original(*args, **options)
            token = _inside.set(True)
            started = time.perf_counter()
            try:
                return original(*args, **options)
            finally:
                spent = (time.perf_counter() - started) * 1000
                _note(record, what, digest, args, spent)
                _inside.reset(token)

        return compile

    return make


def _frames_deeper(original: Function) -> Function:
    def init(self: Any, *args: Any, **options: Any) -> None:
        original(self, *args, **{**options, DEPTH: options.get(DEPTH, 2) + 2})

    return _timed("pydantic.TypeAdapter", _adapted)(init)


@_wire.safely
def _note(
    record: _record.RequestRecord, what: str, digest: Digest, args: Any, spent: float
) -> None:
    """Add to what the place compiled already; the digest is of all of it, in any order."""
    stack = _sites.application_stack()
    known = record.parts.setdefault("compiled", [])
    found = next((one for one in known if one["what"] == what and one["stack"] == stack), None)
    if found is None:
        found = {"what": what, "digest": "", "times": 0, "duration_ms": 0.0, "stack": stack}
        known.append(found)
    found["times"] += 1
    found["duration_ms"] += spent
    total = int(found["digest"] or "0", 16) + int(_effects.digest(digest(*args)), 16)
    found["digest"] = f"{total % 2**64:016x}"


def _pattern(pattern: Any, flags: Any = 0, *_: Any) -> str:
    return f"{pattern!r} {int(flags)}"


def _source(environment: Any, source: Any, *_: Any) -> Any:
    return source if isinstance(source, str) else repr(source)


def _template(template: Any) -> str:
    return str(template.source)


def _adapted(adapter: Any, type: Any = None, *_: Any) -> str:
    return repr(type)


def _model(model: Any, *_: Any) -> str:
    fields = getattr(model, "model_fields", None) or getattr(model, "__annotations__", {})
    return f"{model.__module__}.{model.__qualname__} {fields!r}"
