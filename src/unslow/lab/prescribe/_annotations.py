"""Turns a count, test or aggregate per row into an annotation that the queryset computes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._constants import Mover
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._layout import Call, Text
from unslow.lab.prescribe._managers import default_manager, has_plain_manager
from unslow.lab.prescribe._naming import filter_words, is_taken
from unslow.lab.prescribe._querysets import Spot
from unslow.lab.prescribe._relations import TO_ONE, Need
from unslow.lab.prescribe._source import Source
from unslow.lab.prescribe._uses import (
    Aggregated,
    Use,
    aggregate_at,
    aggregated,
    instead,
    use_at,
)
from unslow.model import Model, Relation, TextEdit

DB = "django.db.models"
FUNCTIONS = "django.db.models.functions"
PLAIN = frozenset(
    """
    all filter exclude order_by select_related prefetch_related only defer using get first last
    latest earliest get_queryset iterator
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Counted:
    """A count, existence test or aggregate per row, and every place that makes it."""

    need: Need
    uses: tuple[Use, ...]


def counted(need: Need, source: Source) -> Counted | None:
    """The uses of the load; None when one of them is not plain to see."""
    kind, relation = need.load.kind, need.steps[-1].name
    uses = [
        aggregate_at(source, site, relation)
        if kind == "aggregate"
        else use_at(source, site, relation, kind)
        for site in need.repeated.uses
    ]
    known = tuple(use for use in uses if use is not None)
    return Counted(need, known) if known and len(known) == len(uses) else None


def annotate(
    place: Spot, wanted: Sequence[Counted], source: Source, grouped: bool = False
) -> list[TextEdit] | None:
    """Annotate `place` with each count or test and read it where it is used.

    `grouped` joins and counts instead of a subquery. None when unsure; [] when it is there.
    """
    imports = Imports(place.module, place.offset)
    found: dict[str, Text] = {}
    readings: list[TextEdit] = []
    for one in wanted:
        for use in one.uses:
            builder = None if use.rewritten else _builder(place, one.need, use, source, imports)
            if builder is None and use.rewritten:
                continue
            expression = builder and (builder.grouped() if grouped else builder.subquery())
            name = builder and builder.name()
            if not expression or not name:
                return None
            if str(found.setdefault(name, expression)) != str(expression):
                return None
            reading = instead(use, f"{use.owner}.{name}", name)
            if reading is None:
                return None
            readings += reading
    if not found:
        return []
    args = [_named(name, expression) for name, expression in found.items()]
    return [*place.call("annotate", tuple(args)), *imports.edits(), *readings]


def _named(name: str, expression: Text) -> Text:
    if isinstance(expression, Call):
        return Call(f"{name}={expression.head}", expression.args, expression.tail)
    return f"{name}={expression}"


def _builder(
    place: Spot, need: Need, use: Use, source: Source, imports: Imports
) -> _Builder | None:
    parent = source.model(need.origin.model)
    child = source.model(need.steps[-1].model)
    if parent is None or child is None or len(need.steps) != 1:
        return None
    return _Builder(place, need, use, parent, child, source, imports)


@dataclass(frozen=True)
class _Builder:
    place: Spot
    need: Need
    use: Use
    parent: Model
    child: Model
    source: Source
    imports: Imports

    @property
    def relation(self) -> Relation:
        return self.need.steps[-1]

    def grouped(self) -> Text | None:
        """`Count("items", distinct=True)`: only where no other join could narrow it."""
        if self.use.steps or self.need.load.kind != "count":
            return None
        if not has_plain_manager(self.child, self.source) or not _is_simple(
            self.place, self.parent
        ):
            return None
        count = self.imports.name(DB, "Count")
        return count and Call(count, (f'"{self.relation.query_name}"', "distinct=True"))

    def subquery(self) -> Text | None:
        back = _back(self.relation, self.parent, self.child)
        rows = self._rows(back) if back else None
        if rows is None:
            return None
        if self.need.load.kind == "exists":
            exists = self.imports.name(DB, "Exists")
            return exists and Call(exists, (rows,))
        if self.need.load.kind == "aggregate":
            return self._aggregate(rows, back)
        return self._count(rows, back)

    @property
    def aggregated(self) -> Aggregated | None:
        node = self.use.node
        call = node.value if isinstance(node, cst.Subscript) else node
        return aggregated(self.use.module, call)

    def _aggregate(self, rows: Text, back: str) -> Text | None:
        """Without rows it is NULL, as the aggregate is None."""
        wanted = self.aggregated
        subquery = self.imports.name(DB, "Subquery")
        function = self.imports.name(DB, wanted.function) if wanted else None
        if wanted is None or subquery is None or function is None:
            return None
        value = f'.annotate(value={function}("{wanted.column}")).values("value")'
        assert isinstance(rows, Call)
        steps = f'.order_by().values("{back}"){value}'
        return Call(subquery, (Call(rows.head, rows.args, rows.tail + steps),))

    def _count(self, rows: Text, back: str) -> Text | None:
        names = [self.imports.name(DB, name) for name in ("Subquery", "Count")]
        coalesce = self.imports.name(FUNCTIONS, "Coalesce")
        subquery, count = names
        if subquery is None or count is None or coalesce is None:
            return None
        steps = f'.order_by().values("{back}").annotate(n={count}("pk")).values("n")'
        assert isinstance(rows, Call)
        counted = Call(rows.head, rows.args, rows.tail + steps)
        return Call(coalesce, (Call(subquery, (counted,)), "0"))

    def _rows(self, back: str) -> Text | None:
        """The related rows of the outer row: `Item.objects.filter(order=OuterRef("pk"), ...)`."""
        child = self.imports.name(self.child.module, self.child.name)
        outer = self.imports.name(DB, "OuterRef")
        if child is None or outer is None:
            return None
        mover = Mover(self.use.module, self.source, self.imports, self.use.owner, self._outer)
        steps = [step for step in self.use.steps if chains.method(step) in ("filter", "exclude")]
        moved = [(chains.method(step), mover.args(step)) for step in steps]
        if self.relation.kind == "many-to-many" and len(moved) > 1:
            return None
        first: tuple[str, ...] = ()
        if moved and moved[0][0] == "filter":
            if moved[0][1] is None:
                return None
            first = moved.pop(0)[1] or ()
        tail = ""
        for method, args in moved:
            if args is None:
                return None
            tail += f".{method}({', '.join(args)})"
        positional = [arg for arg in first if not re.match(r"\w+=", arg)]
        named = [arg for arg in first if re.match(r"\w+=", arg)]
        link = f'{back}={outer}("pk")'
        manager = default_manager(self.child, self.source)
        return Call(f"{child}.{manager}.filter", (*positional, link, *named), tail)

    def _outer(self, attribute: str) -> str | None:
        """The row's own field inside the subquery."""
        outer = self.imports.name(DB, "OuterRef")
        names = {"pk"} | {name for f in self.parent.fields for name in (f.name, f.column)}
        return f'{outer}("{attribute}")' if outer and attribute in names else None

    def name(self) -> str | None:
        """A name that neither the model nor the code around the use has."""
        words = filter_words(self.use)
        relation = self.relation.query_name or self.relation.name
        if self.need.load.kind == "count":
            plain = "_".join(filter(None, (relation, words, "count")))
        elif wanted := self.aggregated:
            what = (wanted.column.replace("__", "_"), wanted.function.lower())
            plain = "_".join(filter(None, (relation, words, *what)))
        else:
            plain = "_".join(filter(None, ("has", words, relation)))
        candidates = (plain, f"annotated_{plain}")
        return next(
            (
                name
                for name in candidates
                if not is_taken(name, self.parent, self.place, self.source)
            ),
            None,
        )


def _back(relation: Relation, parent: Model, child: Model) -> str:
    """The name by which the child's lookups reach the parent, "" when it cannot be told."""
    forward = ("forward", "one-to-one") if relation.kind == "reverse" else ("many-to-many",)
    names = [r for r in child.relations if r.model == parent.label and r.kind in forward]
    exact = [r for r in names if r.column and r.column == relation.remote_column]
    fitting = exact if relation.kind == "reverse" and exact else names
    return (fitting[0].query_name or fitting[0].name) if len(fitting) == 1 else ""


def _is_simple(place: Spot, parent: Model) -> bool:
    """Whether the queryset visibly joins nothing that could narrow or multiply a count."""
    *_, root = chains.chain(place.node)
    if not (place.prefix or chains.dotted(root)[:1].isupper()) or set(place.steps()) - PLAIN:
        return False
    many = {r.query_name for r in parent.relations if r.kind not in TO_ONE}
    lookups = [
        arg.keyword.value.partition("__")[0] if arg.keyword else ""
        for step in chains.chain(place.whole)
        if isinstance(step, cst.Call) and chains.method(step) in ("filter", "exclude")
        for arg in step.args
    ]
    return not any(lookup == "" or lookup in many for lookup in lookups)
