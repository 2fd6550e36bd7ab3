"""Loads relationships with their parents: `.options(joinedload(...), selectinload(...))`."""

from collections.abc import Iterator, Sequence

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._relations import TO_ONE, Need, longest, needs, orphans
from unslow.lab.prescribe._source import Source
from unslow.lab.prescribe._statements import UNFIT, Statement, statements
from unslow.model import Finding, Patch, Recommendation, Relation, TextEdit

DETECTORS = frozenset({"repeated-query", "duplicate-query"})
FIXER = "sqlalchemy-eager-load"
PACKAGE = "sqlalchemy.orm"
LOADERS = frozenset(
    {"joinedload", "selectinload", "subqueryload", "contains_eager", "immediateload", "defaultload"}
)
STRATEGIES = {"joined": "joinedload", "selectin": "selectinload", "subquery": "subqueryload"}
UNLOADABLE = frozenset({"dynamic", "write_only", "noload"})
NO_JOINS = frozenset({"with_for_update", "group_by", "distinct", "from_statement"})

Path = tuple[str, ...]


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """Joins for what is to-one with select-in for collections, and its rival: all select-in."""
    wanted = [need for need in needs(finding, source, "sqlalchemy") if _is_lazy(need)]
    for place, group in statements(finding, wanted, source):
        paths = _longest(group)
        if place is None:
            yield _recommendation(group, "the statement that loads them is not in your source")
        elif place.steps() & UNFIT:
            yield _recommendation(group, "the statement is combined with others")
        elif any(step.strategy in UNLOADABLE for need in group for step in need.steps):
            yield _recommendation(group, "a dynamic or write-only relationship takes no options")
        else:
            yield from _candidates(place, paths, group, source)
    for load in orphans(finding, "sqlalchemy"):
        summary = f"Load {load.relation} together with its {load.parent}"
        yield Recommendation(FIXER, summary, "which statement they come from was not seen")


def _is_lazy(need: Need) -> bool:
    return need.load.kind in ("forward", "reverse")


def _longest(group: Sequence[Need]) -> list[Need]:
    by_lookup = {"__".join(need.names): need for need in group}
    return [by_lookup[lookup] for lookup in longest(by_lookup)]


def _candidates(
    place: Statement, paths: Sequence[Need], group: Sequence[Need], source: Source
) -> Iterator[Patch | Recommendation]:
    covers = tuple(need.position for need in group)
    joins = not place.steps() & NO_JOINS
    written: list[tuple[TextEdit, ...]] = []
    for joined in (True, False) if joins else (False,):
        edits = _write(place, paths, joined, source)
        if edits is None:
            yield _recommendation(group, "the classes of the path cannot be named there")
            return
        if edits and edits not in written:
            written.append(edits)
            how = "joins" if joined and any(n.steps[-1].kind in TO_ONE for n in paths) else "IN"
            summary = f"Load with the parents ({how}): {_described(paths)}"
            yield Patch(FIXER, summary, "safe", edits, covers=covers)


def _write(
    place: Statement, paths: Sequence[Need], joined: bool, source: Source
) -> tuple[TextEdit, ...] | None:
    """The edits for all paths; () when they are loaded already, None when unsure."""
    options: list[str] = []
    imports = Imports(place.module, place.offset)
    present = [(_option(value), value) for value in place.options()]
    for need in paths:
        if any([name for _, name in option][: len(need.names)] == list(need.names)
               for option, _ in present):  # fmt: skip
            continue
        option = _chain(place, need, joined, [o for o, _ in present], source, imports)
        if option is None:
            return None
        options.append(option)
    added = place.add(options) if options else []
    return None if added is None else (*added, *imports.edits())


def _chain(
    place: Statement,
    need: Need,
    joined: bool,
    present: Sequence[Sequence[tuple[str, str]]],
    source: Source,
    imports: Imports,
) -> str | None:
    """`joinedload(Order.customer).joinedload(Customer.company)`, with the names it needs."""
    label = need.origin.model
    text = ""
    for depth, step in enumerate(need.steps):
        owner = _class(place, label, source, imports)
        name = _loader(need.names[: depth + 1], step, joined, present)
        loader = imports.name(PACKAGE, name)
        if owner is None or loader is None:
            return None
        called = loader if not text else f".{name}"
        text += f"{called}({owner}.{step.name})"
        label = step.model
    return text


def _class(place: Statement, label: str, source: Source, imports: Imports) -> str | None:
    """How the module writes the class, imported where it is not yet."""
    if written := place.entity(label.rpartition(".")[2]):
        return written
    model = source.model(label)
    return imports.name(model.module, model.name) if model else None


def _loader(
    path: Path, step: Relation, joined: bool, present: Sequence[Sequence[tuple[str, str]]]
) -> str:
    """The loader that the statement or the model uses for the step, else the candidate's."""
    for option in present:
        if tuple(name for _, name in option[: len(path)]) == path:
            return option[len(path) - 1][0]
    if step.strategy in STRATEGIES:
        return STRATEGIES[step.strategy]
    return "joinedload" if joined and step.kind in TO_ONE else "selectinload"


def _option(value: cst.BaseExpression) -> list[tuple[str, str]]:
    """The steps of a loader option as (loader, relation); [] for other options."""
    steps: list[tuple[str, str]] = []
    for step in chains.chain(value):
        if isinstance(step, cst.Call) and step.args and chains.function(step) in LOADERS:
            relation = chains.dotted(step.args[0].value).rpartition(".")[2]
            steps.insert(0, (chains.function(step), relation))
    return steps


def _described(paths: Sequence[Need]) -> str:
    return ", ".join(".".join((_name(need), *need.names)) for need in paths)


def _name(need: Need) -> str:
    return need.origin.model.rpartition(".")[2]


def _recommendation(group: Sequence[Need], reason: str) -> Recommendation:
    first = f"selectinload({_name(group[0])}.{group[0].names[0]})"
    summary = f"Load {_described(_longest(group))} with the parents: .options({first})"
    return Recommendation(FIXER, summary, reason)
