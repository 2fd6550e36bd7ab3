"""Tells SQLAlchemy's loads apart, and gives instances the origin they came from."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from unslow.observe import _sqlalchemy_stack, _wire
from unslow.observe import _sqlalchemy_tables as tables
from unslow.observe._origin import EMPTY, Chain, Json, Origin, Parent, Quiet, load
from unslow.observe._patch import Function, listen, wrap
from unslow.observe._sqlalchemy_statements import STAMP, chain_of
from unslow.observe._sqlalchemy_tables import label_of

PARENT = "_unslow_parent"  # of the query that a dynamic collection makes
OPTION = "_unslow"  # among the execution options of a statement
TERMINALS = {
    "all": "all",
    "__iter__": "iterate",
    "_iter": "iterate",
    "get_one": "get",
}
ONE = ("get", "refresh", "first", "one", "one_or_none", "merge")
AGGREGATES = ("sum", "max", "min", "avg", "array_agg", "string_agg")


class Execution(Quiet):
    """What is known of one execution: its load, the origin of its rows, and the path to them."""

    __slots__ = ("chain", "entity", "load", "names", "rows", "terminal")

    def __init__(
        self,
        load: Json,
        rows: Origin | None,
        *,
        entity: Any = None,
        names: tuple[str, ...] = (),
        chain: Chain = EMPTY,
        terminal: str = "",
    ) -> None:
        self.load = load
        self.rows = rows
        self.entity = entity
        self.names = names
        self.chain = chain
        self.terminal = terminal


def install(session: Any, loading: Any, event: Any) -> None:
    """Hook `sqlalchemy.orm`: what sessions execute, and the instances that come of it."""
    listen(event, session.Session, "do_orm_execute", _executing)

    def make(original: Function) -> Function:
        def _instance_processor(
            entity: Any, mapper: Any, context: Any, result: Any, path: Any, *args: Any, **kw: Any
        ) -> Any:
            process = original(entity, mapper, context, result, path, *args, **kw)
            return process if kw.get("refresh_state") else _stamping(process, context, path)

        return _instance_processor

    wrap(loading, "_instance_processor", make)


def install_dynamic(dynamic: Any) -> None:
    """Hook `sqlalchemy.orm.dynamic`: its collections make queries for their instance."""
    appender = getattr(dynamic, "_AppenderMixin", None) or dynamic.AppenderMixin

    def make(original: Function) -> Function:
        def _generate(self: Any, *args: Any, **kwargs: Any) -> Any:
            query = original(self, *args, **kwargs)
            _tell_parent(query, self)
            return query

        return _generate

    wrap(appender, "_generate", make)


@_wire.safely
def _tell_parent(query: Any, collection: Any) -> None:
    state = getattr(collection.instance, "_sa_instance_state", None)
    if state is not None:
        query.__dict__[PARENT] = _parent("reverse", state, collection.attr.key)


def _stamping(process: Any, context: Any, path: Any) -> Any:
    origin = _row_origin(context, path)
    if origin is None:
        return process

    def stamped(row: Any) -> Any:
        instance = process(row)
        state = getattr(instance, "_sa_instance_state", None)
        if state is not None:
            state.__dict__[STAMP] = origin
        return instance

    return stamped


@_wire.safely
def _row_origin(context: Any, path: Any) -> Origin | None:
    execution = context.execution_options.get(OPTION)
    if not isinstance(execution, Execution):
        return None
    root, names = _root(path), _names(path)
    origin = execution.rows
    if root is not None and not _same(root, execution.entity):
        origin = execution.chain.origin(label_of(root), execution.terminal)
    for name in names:
        origin = origin.child(name) if origin is not None else None
    return origin


@_wire.safely
def _executing(state: Any) -> None:
    """`do_orm_execute`: tell the statement what it is for."""
    execution = _execution(state, sys._getframe(1))
    if execution is not None:
        state.update_execution_options(**{OPTION: execution})


def _execution(state: Any, frame: FrameType) -> Execution | None:
    entity = state.bind_mapper
    if state.is_insert or state.is_update or state.is_delete:
        return _plain(load("write", "sqlalchemy", model=label_of(entity)))
    if not state.is_select:
        return None
    if state.is_column_load:
        return _column_load(state, entity, frame)
    if state.is_relationship_load:
        return _relationship_load(state, frame)
    return _own_select(state, entity, frame)


def _plain(described: Json) -> Execution:
    return Execution(described, None)


def _column_load(state: Any, entity: Any, frame: FrameType) -> Execution:
    if getattr(state.load_options, "_is_user_refresh", False):
        chain, terminal = _executed(frame)
        queryset = chain.origin(label_of(entity), terminal)
        return _plain(load("get", "sqlalchemy", model=label_of(entity), queryset=queryset))
    options = getattr(state.statement, "_compile_options", None)
    wanted = getattr(options, "_only_load_props", None) or ()
    instance = getattr(state.load_options, "_refresh_state", None)
    name = str(next(iter(wanted))) if len(wanted) == 1 else ""
    parent = _parent("deferred", instance, name) if instance is not None else None
    return _plain(load("deferred", "sqlalchemy", model=label_of(entity), parent=parent))


def _relationship_load(state: Any, frame: FrameType) -> Execution:
    path = state.loader_strategy_path
    relation = next((step for step in reversed(path.path) if _is_property(step)), None)
    if relation is None:  # the columns of a subclass, for rows that are there
        return _plain(load("prefetch", "sqlalchemy", model=label_of(state.bind_mapper)))
    names = _names(path)
    instance = state.lazy_loaded_from
    if instance is None:
        return _eager_load(state, relation, names)
    kind = "reverse" if relation.uselist else "forward"
    parent = _parent(kind, instance, relation.key)
    chain, terminal = EMPTY, ""
    rows = parent.origin.child(relation.key) if parent.origin is not None else None
    if rows is None:
        chain, terminal = _executed(frame)
        rows = chain.origin(label_of(relation.mapper), terminal)
    described = load(
        kind,
        "sqlalchemy",
        model=label_of(relation.mapper),
        parent=parent,
        plain=kind == "reverse",
    )
    return Execution(
        described, rows, entity=relation.mapper, names=names, chain=chain, terminal=terminal
    )


def _eager_load(state: Any, relation: Any, names: tuple[str, ...]) -> Execution:
    above = state.execution_options.get(OPTION)
    origin: Origin | None = None
    if isinstance(above, Execution):
        origin = above.rows
        for name in names[len(above.names) : -1]:
            origin = origin.child(name) if origin is not None else None
    parent = Parent("prefetch", label_of(relation.parent), relation.key, origin)
    described = load("prefetch", "sqlalchemy", model=label_of(relation.mapper), parent=parent)
    rows = origin.child(relation.key) if origin is not None else None
    return Execution(described, rows, entity=relation.mapper, names=names)


def _own_select(state: Any, entity: Any, frame: FrameType) -> Execution:
    model = label_of(entity) or tables.label_in(state.statement)
    chain, terminal = chain_of(state.statement), _terminal(frame)
    if chain is EMPTY:
        chain, terminal = _executed(frame)
    origin = chain.origin(model, terminal)
    kind = _kind(state.statement, terminal)
    parent = getattr(state.statement, "__dict__", {}).get(PARENT)
    if parent is not None and kind == "select":
        kind = parent.kind
    described = load(kind, "sqlalchemy", model=model, parent=parent, queryset=origin)
    return Execution(described, origin, entity=entity, chain=chain, terminal=terminal)


def _executed(frame: FrameType) -> tuple[Chain, str]:
    """The chain of a statement that the library made: `session.get()`, a lazy attribute."""
    made = _sqlalchemy_stack.link(frame, "execute", internals=True)
    if made is None:
        return EMPTY, ""
    return EMPTY.then(*made), TERMINALS.get(made.operation, made.operation)


def _terminal(frame: FrameType) -> str:
    name = _sqlalchemy_stack.call(frame).operation
    return TERMINALS.get(name, name)


def _kind(statement: Any, terminal: str) -> str:
    columns = getattr(statement, "_raw_columns", None) or ()
    names = [_function(column) for column in columns]
    if terminal == "count" or names == ["count"]:
        return "count"
    if names == ["exists"]:
        return "exists"
    if names and all(name in (*AGGREGATES, "count") for name in names):
        return "aggregate"
    return "get" if terminal in ONE else "select"


def _function(column: Any) -> str:
    column = getattr(column, "element", column) if type(column).__name__ == "Label" else column
    if type(column).__name__ == "Exists":
        return "exists"
    if not hasattr(column, "clause_expr"):  # of functions alone
        return ""
    return str(getattr(column, "name", ""))


def _parent(kind: str, instance: Any, relation: str) -> Parent:
    origin = instance.__dict__.get(STAMP)
    key = instance.key[1] if instance.key else None
    return Parent(
        kind,
        label_of(instance.class_),
        relation,
        origin if isinstance(origin, Origin) else None,
        tuple(key) if key is not None else None,
    )


def _names(path: Any) -> tuple[str, ...]:
    return tuple(step.key for step in path.path if _is_property(step))


def _root(path: Any) -> Any:
    return path.path[0] if path.path else None


def _is_property(step: Any) -> bool:
    return bool(getattr(step, "is_property", False))


def _same(one: Any, other: Any) -> bool:
    one, other = getattr(one, "class_", one), getattr(other, "class_", other)
    if not isinstance(one, type) or not isinstance(other, type):
        return other is None
    return issubclass(one, other) or issubclass(other, one)
