"""Which relations lead from a queryset's rows to a repeated load, and how far a join reaches."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Load, Origin, Relation, RepeatedLoad, RepeatEvidence

TO_ONE = frozenset({"forward", "one-to-one", "reverse-one-to-one"})


@dataclass(frozen=True)
class Need:
    """One repeated load of a finding: its position, and the relations from the origin's rows."""

    position: int
    repeated: RepeatedLoad
    load: Load
    origin: Origin
    steps: tuple[Relation, ...]

    @property
    def parent(self) -> str:
        """The model that has the last relation."""
        return self.steps[-2].model if len(self.steps) > 1 else self.origin.model

    @property
    def to_one(self) -> bool:
        """One row at most at each step, so that a join does not multiply rows."""
        return all(step.kind in TO_ONE for step in self.steps)

    @property
    def generic(self) -> bool:
        return any(step.kind.startswith("generic") for step in self.steps)

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes that code reads, as `prefetch_related` and SQLAlchemy want them."""
        return tuple(step.name for step in self.steps)

    @property
    def query_names(self) -> tuple[str, ...]:
        """The names that `select_related`, `filter` and annotations want."""
        return tuple(step.query_name or step.name for step in self.steps)


def needs(finding: Finding, source: Source, orm: str) -> Iterator[Need]:
    """The loads of `finding` that are relations of rows with a known origin."""
    if not isinstance(finding.evidence, RepeatEvidence):
        return
    for position, repeated in enumerate(finding.evidence.loads):
        load = repeated.load
        if load is None or load.orm != orm or load.origin is None or not load.relation:
            continue
        path = repeated.relation_path or (*load.origin.path, load.relation)
        steps = resolve(source, load.origin.model, path) or _guess(load, path)
        if steps:
            yield Need(position, repeated, load, load.origin, steps)


def orphans(finding: Finding, orm: str) -> list[Load]:
    """Relations that are read of rows whose queryset or statement is not known."""
    if not isinstance(finding.evidence, RepeatEvidence):
        return []
    loads = [repeated.load for repeated in finding.evidence.loads if repeated.load]
    kinds = ("forward", "reverse", "generic")
    return [o for o in loads if o.orm == orm and o.relation and not o.origin and o.kind in kinds]


def resolve(source: Source, label: str, path: Iterable[str]) -> tuple[Relation, ...]:
    """The relations along `path` from the model `label`, empty when one is unknown."""
    steps: list[Relation] = []
    for name in path:
        model = source.model(label)
        relations = model.relations if model else ()
        step = next((r for r in relations if name in (r.name, r.query_name)), None)
        if step is None:
            return ()
        steps.append(step)
        label = step.model
    return tuple(steps)


def _guess(load: Load, path: tuple[str, ...]) -> tuple[Relation, ...]:
    """One step without the model's declaration: the kind of load tells the kind of relation."""
    if len(path) != 1 or load.kind not in ("forward", "reverse"):
        return ()
    return (Relation(path[0], path[0], load.kind, load.model),)


def longest(lookups: Iterable[str]) -> list[str]:
    """The lookups ("customer__company") that begin no other, in order, each once."""
    unique = list(dict.fromkeys(lookups))
    return [p for p in unique if not any(q != p and q.startswith(f"{p}__") for q in unique)]
