"""Tells relation loads of Django's ORM apart: which instance, which relation, how it was read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from unslow.observe import _wire
from unslow.observe._django_queryset import loading, mark, origin_of, parent_of
from unslow.observe._origin import Parent
from unslow.observe._patch import Function, wrap


def install_descriptors(module: ModuleType) -> None:
    """Hook `django.db.models.fields.related_descriptors`."""
    for name in ("ForwardManyToOneDescriptor", "ReverseOneToOneDescriptor"):
        _hook_single(getattr(module, name))
    _hook_manager_factory(module, "create_reverse_many_to_one_manager", _reverse_name)
    _hook_manager_factory(module, "create_forward_many_to_many_manager", _many_to_many_name)


def install_generic(module: ModuleType) -> None:
    """Hook `django.contrib.contenttypes.fields`."""
    descriptor: Any = getattr(module, "GenericForeignKeyDescriptor", None)
    if descriptor is not None:
        _hook_generic(descriptor, "fetch_one", lambda self: self.field.name)
    else:
        _hook_generic(module.GenericForeignKey, "__get__", lambda self: self.name)
    _hook_manager_factory(module, "create_generic_related_manager", _generic_name, "generic")


def install_prefetch(query: ModuleType) -> None:
    """Hook the second queries of `prefetch_related` in `django.db.models.query`."""

    def make(original: Function) -> Function:
        def prefetch_one_level(instances: Any, prefetcher: Any, lookup: Any, level: int) -> Any:
            with _loading(_prefetch_parent(instances, prefetcher, lookup, level)):
                return original(instances, prefetcher, lookup, level)

        return prefetch_one_level

    wrap(query, "prefetch_one_level", make)


def install_deferred(query_utils: ModuleType, model: Any) -> None:
    """Hook the loads of deferred columns: `Model.refresh_from_db` for one, peers for many."""

    def make_one(original: Function) -> Function:
        def refresh_from_db(
            self: Any, using: Any = None, fields: Any = None, *args: Any, **options: Any
        ) -> Any:
            with _loading(_deferred_parent(self, fields)):
                return original(self, using, fields, *args, **options)

        return refresh_from_db

    def make_many(original: Function) -> Function:
        def fetch_many(self: Any, instances: Any) -> Any:
            with _loading(_deferred_parent(instances[0], [self.field.attname])):
                return original(self, instances)

        return fetch_many

    wrap(model, "refresh_from_db", make_one)
    wrap(query_utils.DeferredAttribute, "fetch_many", make_many)


class _loading:
    """While it is entered, new querysets are for this parent; None changes nothing."""

    __slots__ = ("parent", "token")

    def __init__(self, parent: Parent | None) -> None:
        self.parent = parent

    def __enter__(self) -> None:
        self.token = loading.set(self.parent) if self.parent is not None else None

    def __exit__(self, *problem: object) -> None:
        if self.token is not None:
            loading.reset(self.token)


def _hook_single(cls: Any) -> None:
    """Forward and one-to-one relations: their queryset is made for the instance."""

    def make(original: Function) -> Function:
        def get_queryset(self: Any, **hints: Any) -> Any:
            instance = hints.get("instance")
            if instance is None or sys._getframe(1).f_code.co_name == "get_prefetch_querysets":
                return original(self, **hints)
            with _loading(_single_parent(self, instance)):
                return original(self, **hints)

        return get_queryset

    wrap(cls, "get_queryset", make)


def _hook_generic(cls: Any, method: str, name: Callable[[Any], str]) -> None:
    def make(original: Function) -> Function:
        def fetch(self: Any, instance: Any, *args: Any, **kwargs: Any) -> Any:
            if instance is None:
                return original(self, instance, *args, **kwargs)
            with _loading(_generic_parent(instance, name(self))):
                return original(self, instance, *args, **kwargs)

        return fetch

    wrap(cls, method, make)


def _hook_manager_factory(
    module: ModuleType, factory: str, name: Callable[..., str], kind: str = "reverse"
) -> None:
    def make(original: Function) -> Function:
        def create_manager(superclass: Any, rel: Any, *args: Any, **kwargs: Any) -> Any:
            cls = original(superclass, rel, *args, **kwargs)
            _hook_manager(cls, kind, name(rel, *args, **kwargs))
            return cls

        return create_manager

    wrap(module, factory, make)


@_wire.safely
def _hook_manager(cls: Any, kind: str, relation: str) -> None:
    def make(original: Function) -> Function:
        def _apply_rel_filters(self: Any, queryset: Any) -> Any:
            related = original(self, queryset)
            _mark_related(self, related, kind, relation)
            return related

        return _apply_rel_filters

    wrap(cls, "_apply_rel_filters", make)
    constrained = vars(cls).get("constrained_target")
    if isinstance(constrained, property):
        cls.constrained_target = property(_constrained_target(constrained, kind, relation))


def _constrained_target(original: property, kind: str, relation: str) -> Function:
    """`.count()` and `.exists()` of a many-to-many relation read its own table alone."""

    def constrained_target(self: Any) -> Any:
        queryset = original.__get__(self)
        if queryset is not None:
            _mark_related(self, queryset, kind, relation)
        return queryset

    return constrained_target


@_wire.safely
def _mark_related(manager: Any, queryset: Any, kind: str, relation: str) -> None:
    target = manager.model._meta.label
    mark(queryset, parent_of(kind, manager.instance, relation, target=target), plain=True)


def _reverse_name(rel: Any) -> str:
    return str(rel.get_accessor_name())


def _many_to_many_name(rel: Any, reverse: bool) -> str:
    return str(rel.get_accessor_name() if reverse else rel.field.name)


def _generic_name(rel: Any) -> str:
    return str(rel.field.name)


@_wire.safely
def _single_parent(descriptor: Any, instance: Any) -> Parent:
    related = getattr(descriptor, "related", None)
    name = related.get_accessor_name() if related is not None else descriptor.field.name
    return parent_of("forward", instance, name, lazy=True)


@_wire.safely
def _generic_parent(instance: Any, relation: str) -> Parent:
    return parent_of("generic", instance, relation, lazy=True, generic=True)


@_wire.safely
def _deferred_parent(instance: Any, fields: Any) -> Parent | None:
    wanted = list(fields or ())
    if len(wanted) != 1 or wanted[0] in instance.__dict__:
        return None
    field = next((f for f in instance._meta.concrete_fields if f.attname == wanted[0]), None)
    if field is None:
        return None
    return parent_of("deferred", instance, field.name, lazy=True)


@_wire.safely
def _prefetch_parent(instances: Any, prefetcher: Any, lookup: Any, level: int) -> Parent | None:
    first = instances[0]
    through = lookup.prefetch_through.split("__")[level]
    to_attr, renamed = lookup.get_current_to_attr(level)
    name = to_attr if renamed else through
    generic = hasattr(getattr(prefetcher, "field", prefetcher), "ct_field")
    return Parent("prefetch", first._meta.label, name, origin_of(first), generic=generic)
