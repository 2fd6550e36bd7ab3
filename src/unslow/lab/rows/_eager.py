"""Related rows that a query loads and that the function never reads."""

import ast
from dataclasses import dataclass

from unslow.lab.rows._columns import field_named
from unslow.lab.rows._flow import Rows, chain, function, method
from unslow.lab.rows._reads import annotations, attributes_read
from unslow.lab.rows._select import selected
from unslow.model import Model, TextEdit

DJANGO = frozenset({"select_related", "prefetch_related"})
LOADERS = frozenset({"joinedload", "selectinload", "subqueryload", "immediateload"})


@dataclass(frozen=True)
class Eager:
    """One relation that a step of the chain (`select_related(...)`, `options(...)`) loads."""

    relation: str
    step: ast.Call
    argument: ast.expr


def unused_eager(rows: Rows, model: Model) -> tuple[Eager, ...]:
    """The eager loads whose relation nothing reads; () where the source does not show it."""
    read = attributes_read(rows)
    if read is None:
        return ()
    relations = {relation.name: relation for relation in model.relations}
    known = {name for name in read if name in relations or field_named(name, model)}
    if set(read) - known - annotations(rows):
        return ()
    loads = _django(rows) if model.orm == "django" else _sqlalchemy(rows, model)
    queried = {relation.query_name for name, relation in relations.items() if name in read}
    used = set(read) | queried
    return tuple(
        one
        for one in loads
        if one.relation not in used
        and any(one.relation in (r.name, r.query_name) for r in relations.values())
    )


def eager_relations(rows: Rows, verb: str) -> set[str]:
    """The relations that Django's chain loads by `verb`, each by its first step."""
    return {one.relation for one in _django(rows) if method(one.step) == verb}


def without(rows: Rows, found: tuple[Eager, ...]) -> list[TextEdit]:
    """The chain without these loads; a step that loads nothing else goes as a whole.

    A manager alone cannot be looped over: it keeps an `all()`.
    """
    file, edits = rows.file, []
    calls = [step for step in chain(rows.query) if isinstance(step, ast.Call)]
    gone_whole = [
        step
        for step in calls
        if step.args and all(any(arg is one.argument for one in found) for arg in step.args)
    ]
    steps = {id(one.step): one.step for one in found}
    for step in steps.values():
        gone = [one.argument for one in found if one.step is step]
        kept = [arg for arg in step.args if arg not in gone]
        assert isinstance(step.func, ast.Attribute)
        if kept:
            texts = ", ".join(file.text(arg) for arg in kept)
            first, last = file.start(step.args[0]), file.end(step.args[-1])
            edits.append(TextEdit(file.path, first, last, texts))
        else:
            start = file.parenthesised(step.func.value)[1]
            bare = step is calls[-1] and len(gone_whole) == len(calls)
            edits.append(TextEdit(file.path, start, file.end(step), ".all()" if bare else ""))
    return edits


def _django(rows: Rows) -> list[Eager]:
    found = []
    for step in chain(rows.query):
        if isinstance(step, ast.Call) and method(step) in DJANGO and not step.keywords:
            for argument in step.args:
                name = argument
                if function(name) == "Prefetch" and isinstance(name, ast.Call) and name.args:
                    if len(name.args) > 2 or any(w.arg == "to_attr" for w in name.keywords):
                        continue
                    name = name.args[0]
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    found.append(Eager(name.value.partition("__")[0], step, argument))
    return found


def _sqlalchemy(rows: Rows, model: Model) -> list[Eager]:
    statement = selected(rows)
    if statement is None or statement.name.rpartition(".")[2] != model.name:
        return []
    found = []
    for step in statement.steps:
        for argument in step.args if method(step) == "options" else ():
            calls = [one for one in chain(argument) if isinstance(one, ast.Call)]
            root = calls[-1] if calls else None
            if root is None or function(root) not in LOADERS or len(root.args) != 1:
                continue
            relation = root.args[0]
            if isinstance(relation, ast.Attribute):
                found.append(Eager(relation.attr, step, argument))
    return found
