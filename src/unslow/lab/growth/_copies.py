"""Writes the statement that copies the rows of one table."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from unslow.lab.growth._classes import Classes, Plan, links
from unslow.lab.growth._quoting import quoted, quoted_column
from unslow.lab.growth._shifts import Shift, Shifts
from unslow.lab.growth.catalogue import Column, ForeignKey, Table

FEW_ROWS = 100  # of a table: what such a table says of how many rows a parent has is no statistic

Express = Callable[[Shift, Column, str, int], str]


@dataclass(frozen=True)
class Ground:
    """What copying has to know beside the table. `factor` times as many rows are wanted; copies
    are numbered on from `first`, so that no two steps make the same value. Tables in `partial`
    have copies of some rows alone."""

    classes: Classes
    plan: Plan
    shifts: Shifts
    factor: int
    first: int
    fixed: Collection[str] = ()
    partial: Collection[str] = ()


@dataclass(frozen=True)
class Attempt:
    """One way to copy: the styles of the texts, and whether rows that a constraint refuses are
    left out."""

    style: int = 0
    skip_conflicts: bool = False
    conditions: tuple[str, ...] = ()
    kept: tuple[ForeignKey, ...] = field(default=())  # refer to the original's parent


def columns(table: Table) -> list[Column]:
    return [one for one in table.columns if not one.generated]


def values(table: Table, ground: Ground, attempt: Attempt, express: Express) -> list[str]:
    """The expression of each written column, over `t` and `copies`."""
    kept = kept_copies(table, ground)
    kept |= {name: None for key in attempt.kept for name in key.columns}
    found = []
    for column in columns(table):
        old = f"t.{quoted_column(column.name)}"
        if not ground.classes.moves(table, column.name, ground.plan, ground.fixed):
            found.append(old)
            continue
        if column.name in kept and kept[column.name] is None:
            found.append(old)
            continue
        new = changed(table, column, ground, attempt, express)
        if missing := _without_parent(table, column, ground, attempt, express):
            new = f"CASE WHEN {missing} THEN {old} ELSE {new} END"
        if numbers := kept.get(column.name):
            chosen = ", ".join(map(str, numbers))
            new = f"CASE WHEN copies.k IN ({chosen}) THEN {old} ELSE {new} END"
        found.append(new)
    return found


def changed(
    table: Table, column: Column, ground: Ground, attempt: Attempt, express: Express
) -> str:
    shift = ground.shifts[ground.classes.of(table.name, column.name)]
    return express(shift, column, f"t.{quoted_column(column.name)}", attempt.style)


def kept_copies(table: Table, ground: Ground) -> dict[str, Sequence[int] | None]:
    """By column, the copies whose foreign key stays with the original's parent.

    In a table with few rows every second copy belongs to a parent that was there, so that the
    parents get more children; in others each parent has as many as before.
    """
    if table.rows >= FEW_ROWS:
        return {}
    moving = [
        key
        for key in links(table)
        if any(ground.classes.moves(table, name, ground.plan, ground.fixed) for name in key.columns)
        and not any(ground.classes.is_referenced(table.name, name) for name in key.columns)
    ]
    found: dict[str, list[int]] = {}
    for number in range(1, ground.factor, 2):
        turn = number // 2 % max(1, len(moving))
        stays: set[str] = set()
        for key in moving[turn:] + moving[:turn]:
            if _is_other(table, stays | {*key.columns}, ground):
                stays |= {*key.columns}
        for name in stays:
            found.setdefault(name, []).append(number)
    return dict(found)


def _is_other(table: Table, stays: Collection[str], ground: Ground) -> bool:
    """Whether every key still differs when the columns in `stays` do not change."""
    return all(
        any(
            name not in stays and ground.classes.moves(table, name, ground.plan, ground.fixed)
            for name in (*key.columns, *key.apart)
        )
        for key in table.keys
    )


def _without_parent(
    table: Table, column: Column, ground: Ground, attempt: Attempt, express: Express
) -> str:
    """The condition under which the parent's copy is missing; "" where all parents have copies."""
    for key in table.foreign:
        if column.name not in key.columns or key.parent not in ground.partial:
            continue
        pairs = []
        for own, other in zip(key.columns, key.parent_columns, strict=True):
            new = f"t.{quoted_column(own)}"
            if ground.classes.moves(table, own, ground.plan, ground.fixed):
                new = changed(table, table.column(own), ground, attempt, express)
            pairs.append(f"p.{quoted_column(other)} = {new}")
        return f"NOT EXISTS (SELECT 1 FROM {quoted(key.parent)} AS p WHERE {' AND '.join(pairs)})"
    return ""


def selected(
    table: Table, ground: Ground, attempt: Attempt, express: Express, source: str
) -> tuple[str, str]:
    """The column list, and the SELECT that gives the copies. `source` names `t` and `copies`."""
    names = [quoted_column(one.name) for one in columns(table)]
    expressions = values(table, ground, attempt, express)
    if not attempt.conditions:
        return ", ".join(names), f"SELECT {', '.join(expressions)} {source}"
    inner = ", ".join(f"{made} AS {name}" for made, name in zip(expressions, names, strict=True))
    where = " AND ".join(f"(({one}) IS NOT FALSE)" for one in attempt.conditions)
    return ", ".join(names), (
        f"SELECT {', '.join(names)} FROM (SELECT {inner} {source}) AS r WHERE {where}"
    )
