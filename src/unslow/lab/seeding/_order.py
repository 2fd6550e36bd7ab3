"""Orders tables so that what a row refers to is there before it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from unslow.lab.seeding.schema import ForeignKey, Table


@dataclass(frozen=True)
class Step:
    """A table to fill. `late` foreign keys are set when the tables they refer to are filled."""

    table: Table
    late: tuple[ForeignKey, ...] = ()


@dataclass
class Plan:
    """The steps in order, and the tables that cannot be filled, each with the reason."""

    steps: list[Step] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def plan(tables: Sequence[Table]) -> Plan:
    """Order `tables`; foreign keys to others count as satisfied."""
    found = Plan()
    waiting = {table.name: table for table in tables}
    while waiting:
        ready = [one for one in waiting.values() if not _missing(one, waiting)]
        if ready:
            steps = [Step(table) for table in ready]
        elif broken := _broken(waiting):
            steps = [broken]
        else:
            for table in waiting.values():
                found.left_out[table.name] = _reason(table, waiting)
            break
        found.steps += steps
        for step in steps:
            del waiting[step.table.name]
    return found


def can_be_null(table: Table, key: ForeignKey) -> bool:
    """Whether a row may refer to nothing."""
    columns = [table.column(name) for name in key.columns]
    free = [one.null and not one.facts.not_null for one in columns]
    return all(free) if key.full else any(free)


def _missing(table: Table, waiting: Collection[str]) -> list[ForeignKey]:
    return [key for key in table.foreign if key.parent in waiting and key.parent != table.name]


def _broken(waiting: Mapping[str, Table]) -> Step | None:
    """The table of a cycle that can go first with the fewest foreign keys set later."""
    choices = []
    for table in waiting.values():
        missing = _missing(table, waiting)
        is_soft = all(can_be_null(table, key) or key.deferrable for key in missing)
        if is_soft and table.name in _reached(table.name, waiting):
            # A key that may be null for a while is the safer one to set later.
            hard = sum(not can_be_null(table, key) for key in missing)
            choices.append((hard, len(missing), table.name, Step(table, tuple(missing))))
    return min(choices)[3] if choices else None


def _reached(name: str, waiting: Mapping[str, Table]) -> set[str]:
    found: set[str] = set()
    todo = [name]
    while todo:
        for key in _missing(waiting[todo.pop()], waiting):
            if key.parent not in found:
                found.add(key.parent)
                todo.append(key.parent)
    return found


def _reason(table: Table, waiting: Mapping[str, Table]) -> str:
    missing = _missing(table, waiting)
    if table.name in _reached(table.name, waiting):
        names = ", ".join(key.name or "a foreign key" for key in missing)
        return f"its foreign keys form a cycle that is checked at once ({names})"
    return f"needs {missing[0].parent}"
