"""Gives querysets their chain of expressions, and model instances the origin they came from."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextvars import ContextVar
from importlib import import_module
from types import FrameType, ModuleType
from typing import Any

from unslow.observe import _django_stack, _wire
from unslow.observe._origin import EMPTY, Origin, Parent, Stamp
from unslow.observe._patch import Function, wrap

STAMP = "_unslow"
ORIGIN = "_unslow_origin"
LOOKUPS = "_unslow_lookups"
MODEL = "_unslow_model"  # of a raw query, which does not know it

loading: ContextVar[Parent | None] = ContextVar("unslow_loading", default=None)


def install(query: ModuleType) -> None:
    """Hook `django.db.models.query`."""
    managers = import_module("django.db.models.manager").BaseManager
    _django_stack.configure((query.QuerySet, query.RawQuerySet, managers), query.__file__ or "")
    _hook_construction(query.QuerySet)
    _hook_raw(query.RawQuerySet)
    _hook_rows(query.ModelIterable)
    _hook_rows(query.RawModelIterable)
    _hook_select_related(query)


def stamp_of(query: Any) -> Stamp | None:
    """The stamp of a `sql.Query`, found inside an aggregate's subquery too."""
    found = query.__dict__.get(STAMP)
    if found is None and (inner := query.__dict__.get("inner_query")) is not None:
        found = inner.__dict__.get(STAMP)
    return found if isinstance(found, Stamp) else None


def origin_of(instance: Any) -> Origin | None:
    """Where a model instance came from."""
    found = getattr(getattr(instance, "_state", None), STAMP, None)
    return found if isinstance(found, Origin) else None


def parent_of(kind: str, instance: Any, relation: str, **details: Any) -> Parent:
    """The parent record of a query that is made for `instance`."""
    return Parent(kind, instance._meta.label, relation, origin_of(instance), instance.pk, **details)


def mark(queryset: Any, parent: Parent, *, plain: bool) -> None:
    """Tell whom a queryset is for."""
    query = queryset._query
    stamp = stamp_of(query)
    query.__dict__[STAMP] = Stamp(stamp.chain if stamp else EMPTY, parent, plain)


def looks_up_type(parent: Parent, model: Any) -> bool:
    """Whether a generic relation is only finding out which model it leads to."""
    is_type = getattr(getattr(model, "_meta", None), "label", "") == "contenttypes.ContentType"
    return parent.generic and is_type


def _hook_construction(cls: Any) -> None:
    sliced = cls.__getitem__.__code__

    def make_init(original: Function) -> Function:
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            if STAMP not in self._query.__dict__:
                _begin(self._query, sys._getframe(1), "QuerySet")

        return __init__

    def make_clone(original: Function) -> Function:
        def _clone(self: Any, *args: Any, **kwargs: Any) -> Any:
            clone = original(self, *args, **kwargs)
            _extend(clone, sys._getframe(1), sliced)
            return clone

        return _clone

    wrap(cls, "__init__", make_init)
    wrap(cls, "_clone", make_clone)


def _hook_raw(cls: Any) -> None:
    def make(original: Function) -> Function:
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            if STAMP not in self.query.__dict__:
                _begin(self.query, sys._getframe(1), "raw", self.model)

        return __init__

    wrap(cls, "__init__", make)


@_wire.safely
def _begin(query: Any, frame: FrameType, default: str, model: Any = None) -> None:
    parent = loading.get()
    if parent is not None and looks_up_type(parent, model or query.model):
        parent = None
    chain = EMPTY
    if parent is None or (parent.origin is None and parent.lazy):
        made = _django_stack.link(frame, default) or _django_stack.elsewhere(frame, default)
        chain = EMPTY.then(*made)
    query.__dict__[STAMP] = Stamp(chain, parent)
    if model is not None:
        query.__dict__[MODEL] = model._meta.label


@_wire.safely
def _extend(clone: Any, frame: FrameType, sliced: Any) -> None:
    query = clone._query
    stamp = stamp_of(query)
    if stamp is None:
        stamp = Stamp(EMPTY)
    parent = stamp.parent
    if parent is not None and parent.lazy and parent.origin is not None:
        return
    chain = stamp.chain
    if loading.get() is None:
        made = _django_stack.link(frame, "_clone")
        if made is None and not chain.links:
            made = _django_stack.elsewhere(frame, "_clone")
        if made is not None:  # `await qs.aget()` filters in a thread, after its own link was made
            chain = chain.then(*made)
    caller = frame.f_back
    plain = stamp.plain and caller is not None and caller.f_code is sliced
    query.__dict__[STAMP] = Stamp(chain, parent, plain)


def _hook_rows(cls: Any) -> None:
    def make(original: Function) -> Function:
        def __iter__(self: Any) -> Iterator[Any]:
            return _stamped(original(self), self.queryset)

        return __iter__

    wrap(cls, "__iter__", make)


def _stamped(rows: Iterator[Any], queryset: Any) -> Iterator[Any]:
    """Pass the rows on with their origin, which is known once the statement has run."""
    query = getattr(queryset, "_query", None) or queryset.query
    query.__dict__[LOOKUPS] = queryset._prefetch_related_lookups
    query.__dict__.pop(ORIGIN, None)
    try:
        row = next(rows)
    except StopIteration:
        return
    finally:
        query.__dict__.pop(LOOKUPS, None)
    origin = query.__dict__.get(ORIGIN)
    if origin is None or not hasattr(row, "_state"):
        yield row
        yield from rows
        return
    row._state.__dict__[STAMP] = origin
    yield row
    for row in rows:
        row._state.__dict__[STAMP] = origin
        yield row


def _hook_select_related(query: ModuleType) -> None:
    def make_populators(original: Function) -> Function:
        def get_related_populators(klass_info: Any, *args: Any, **kwargs: Any) -> Any:
            found = original(klass_info, *args, **kwargs)
            queryset = sys._getframe(1).f_locals.get("queryset") if found else None
            if queryset is not None:
                _tell_populators(found, klass_info, queryset._query.__dict__.get(ORIGIN))
            return found

        return get_related_populators

    def make_populate(original: Function) -> Function:
        def populate(self: Any, row: Any, from_obj: Any) -> None:
            original(self, row, from_obj)
            told = self.__dict__.get(STAMP)
            if told is not None:
                related = from_obj._state.fields_cache.get(told[0])
                if related is not None:
                    related._state.__dict__[STAMP] = told[1]

        return populate

    wrap(query, "get_related_populators", make_populators)
    wrap(query.RelatedPopulator, "populate", make_populate)


@_wire.safely
def _tell_populators(populators: Any, klass_info: Any, origin: Origin | None) -> None:
    if origin is None:
        return
    for populator, info in zip(populators, klass_info.get("related_klass_infos", ()), strict=False):
        field = info["field"]
        side = field.remote_field if info["reverse"] else field
        name = side.get_accessor_name() if info["reverse"] else side.name
        related = origin.child(name)
        cache = getattr(side, "cache_name", None) or side.get_cache_name()  # before Django 5.1
        populator.__dict__[STAMP] = (cache, related)
        _tell_populators(populator.related_populators, info, related)
