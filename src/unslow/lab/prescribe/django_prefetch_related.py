"""Reads to-many relations for all rows at once: `.prefetch_related(...)`, or an annotation."""

from collections.abc import Iterator, Sequence

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._annotations import Counted, annotate, counted
from unslow.lab.prescribe._by_key import KeyRead, key_read
from unslow.lab.prescribe._callers import frames
from unslow.lab.prescribe._filtered import prefetch_filtered, rows_of
from unslow.lab.prescribe._prefetches import prefetch, prefetch_joined
from unslow.lab.prescribe._querysets import Spot, places, refusal
from unslow.lab.prescribe._relations import Need, longest, needs
from unslow.lab.prescribe._source import Source
from unslow.lab.prescribe._uses import is_iterated
from unslow.model import Finding, Patch, Recommendation, TextEdit
from unslow.model.patch import Safety

DETECTORS = frozenset({"repeated-query", "duplicate-query"})
FIXER = "django-prefetch-related"

NOT_BUILT = "its queryset is not built in your source"

KEYED = frozenset({"select", "count", "exists", "aggregate"})


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """A prefetch or an annotation for what is read of many rows, each way a candidate."""
    found = list(needs(finding, source, "django"))
    plain = [need for need in found if _is_plain(need)]
    if finding.id == "duplicate-query":  # one row of one parent: its whole collection costs more
        plain = [need for need in plain if need.load.kind != "get"]
    yield from _whole(finding, plain, source)
    yield from _narrowed(finding, [need for need in found if _is_filtered(need)], source)
    yield from _counted(finding, [need for need in found if _is_counted(need)], source)
    yield from _summed(finding, [need for need in found if _is_summed(need)], source)
    yield from _by_key(finding, source)


def _whole(
    finding: Finding, wanted: Sequence[Need], source: Source
) -> Iterator[Patch | Recommendation]:
    """A plain prefetch of each path, and its rival that joins to-one relations into it."""
    many = [need for need in wanted if not need.to_one or need.generic]
    for place, group in places(finding, many, source):
        covered = [need for need in wanted if _is_on_the_way(need, group)]
        lookups = longest("__".join(need.names) for need in group)
        reason = _refusal(place) if place else NOT_BUILT
        if place is None or reason:
            yield _advised(f".prefetch_related({_quoted(lookups)})", group, reason)
        else:
            yield from _candidates(place, lookups, covered, source)


def _narrowed(
    finding: Finding, wanted: Sequence[Need], source: Source
) -> Iterator[Patch | Recommendation]:
    """A prefetch of the rows that a constant filter leaves, under a name of their own."""
    for place, group in places(finding, wanted, source):
        lookups = ["__".join(need.names) for need in group]
        reason = _refusal(place) if place else NOT_BUILT
        read = [rows_of(need, source) for need in group]
        known = [pair for pair in read if pair is not None]
        certain = place is not None and not reason and len(known) == len(read)
        edits = prefetch_filtered(place, known, source) if place and certain else None
        if edits:
            summary = f"Prefetch what is wanted of {', '.join(lookups)} for all rows"
            covers = tuple(need.position for need in group)
            yield Patch(FIXER, summary, "review", tuple(edits), covers=covers)
        elif edits is None:
            what = f'.prefetch_related(Prefetch("{lookups[0]}", queryset=..., to_attr=...))'
            yield _advised(what, group, reason or "its filter or its use may differ by row")


def _counted(
    finding: Finding, wanted: Sequence[Need], source: Source
) -> Iterator[Patch | Recommendation]:
    """An annotation by a subquery, by a grouped count, and where it serves a prefetch."""
    for place, group in places(finding, wanted, source):
        lookups = ["__".join(need.names) for need in group]
        reason = _refusal(place) if place else NOT_BUILT
        written: list[tuple[str, Safety, list[TextEdit]]] = []
        if place and not reason:
            written = list(_counts(place, group, lookups, source))
        covers = tuple(need.position for need in group)
        for summary, safety, edits in written:
            if edits:
                yield Patch(FIXER, summary, safety, tuple(edits), covers=covers)
        if not written:
            call = "Exists(...)" if group[0].load.kind == "exists" else f'Count("{lookups[0]}")'
            yield _advised(
                f".annotate({call})", group, reason or "what is counted may differ by row"
            )


def _summed(
    finding: Finding, wanted: Sequence[Need], source: Source
) -> Iterator[Patch | Recommendation]:
    """A subquery for an aggregate that is read at once; else advice alone."""
    for place, group in places(finding, wanted, source):
        name = "__".join(group[0].names)
        uses = [counted(need, source) for need in group if need.load.kind == "aggregate"]
        known = [one for one in uses if one is not None]
        sure = place is not None and not _refusal(place) and len(known) == len(group)
        edits = annotate(place, known, source) if place and sure else None
        if edits:
            covers = tuple(need.position for need in group)
            summary = f"Annotate {_asked(group)}"
            yield Patch(FIXER, summary, "review", tuple(edits), covers=covers)
            continue
        if edits == []:
            continue
        what = f'.annotate(...=Subquery(...)) for what is read of "{name}"'
        yield _advised(what, group, "what it gives for rows without any is the code's own choice")


def _counts(
    place: Spot, group: Sequence[Need], lookups: Sequence[str], source: Source
) -> Iterator[tuple[str, Safety, list[TextEdit]]]:
    what = _asked(group)
    uses = [counted(need, source) for need in group]
    known = [one for one in uses if one is not None]
    sure = len(known) == len(uses)
    subquery = annotate(place, known, source) if sure else None
    if subquery is not None:
        yield f"Annotate {what}", "review", subquery
    grouped = annotate(place, known, source, grouped=True) if sure and len(known) == 1 else None
    if grouped:
        yield f"Annotate {what} by a join", "review", grouped
    if all(need.load.plain for need in group) and subquery != []:
        edits = prefetch(place, [f'"{lookup}"' for lookup in longest(lookups)])
        yield f"Prefetch the rows that answer {what}", "safe", edits


def _by_key(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """The same for rows that are asked for by the key of the loop's row."""
    evidence = finding.evidence if finding.id == "repeated-query" else None
    for position, repeated in enumerate(getattr(evidence, "loads", ())):
        load = repeated.load
        if load is None or load.orm != "django" or load.relation or load.kind not in KEYED:
            continue
        site = next(iter(repeated.uses), finding.cause)
        if load.kind == "select":
            site = finding.cause or site
        read = key_read(position, repeated, source, frames(load, site)) if site else None
        written = _keyed(read, source) if read and not _refusal(read.place) else []
        for summary, edits in written:
            yield Patch(FIXER, summary, "review", tuple(edits), covers=(position,))
        if not written:
            summary = f"Read the rows of {load.model} for all at once: prefetch or annotate them"
            yield Recommendation(FIXER, summary, "the loop that asks for each is not plain to see")


def _keyed(read: KeyRead, source: Source) -> list[tuple[str, list[TextEdit]]]:
    """Each way to read the rows or the count for all rows of the loop, and what it does."""
    need, use, place = read.need, read.use, read.place
    relation = need.steps[0].name
    if need.load.kind == "aggregate":
        edits = annotate(place, [Counted(need, (use,))], source)
        return [(f"Annotate {_asked([need])}", edits)] if edits else []
    if need.load.kind in ("count", "exists"):
        one = [Counted(need, (use,))]
        ways = [
            (f"Annotate {_asked([need])}", annotate(place, one, source)),
            (f"Annotate {_asked([need])} by a join", annotate(place, one, source, grouped=True)),
        ]
        return [(summary, edits) for summary, edits in ways if edits]
    if not use.steps:
        value = use.module.replace(use.node, f"{use.owner}.{relation}.all()")
        summary = f"Read {use.owner}.{relation}, prefetched for all rows"
        return [(summary, [*prefetch(place, [f'"{relation}"']), value])]
    if not is_iterated(use.module, use.node):
        return []
    filtered = prefetch_filtered(place, [(need, use)], source)
    summary = f"Prefetch what is wanted of {relation} for all rows"
    return [(summary, filtered)] if filtered else []


def _asked(group: Sequence[Need]) -> str:
    """What is counted or tested, in words."""
    words = {
        "count": "the number of",
        "exists": "whether there are",
        "aggregate": "what is computed of",
    }
    return " and ".join(f"{words[n.load.kind]} {'.'.join(n.names)}" for n in group)


def _is_filtered(need: Need) -> bool:
    return need.load.kind == "reverse" and not need.load.plain


def _is_counted(need: Need) -> bool:
    return need.load.kind in ("count", "exists") and not need.to_one


def _is_summed(need: Need) -> bool:
    """An aggregate, or one row of a filter, as in `.order_by(...).first()`."""
    one_of_many = need.load.kind == "get" and not need.load.plain and not need.to_one
    return one_of_many or need.load.kind == "aggregate"


def _advised(what: str, group: Sequence[Need], reason: str) -> Recommendation:
    return Recommendation(FIXER, f"Add {what} to the {_model(group)} queryset", reason)


def _is_plain(need: Need) -> bool:
    if need.load.kind == "forward" or need.steps[-1].kind == "generic-forward":
        return True
    return need.load.kind in ("reverse", "generic", "get") and need.load.plain


def _is_on_the_way(need: Need, group: Sequence[Need]) -> bool:
    """Whether the paths of the group run through the relations of `need`."""
    return any(
        need.origin.model == other.origin.model and other.names[: len(need.names)] == need.names
        for other in group
    )


def _refusal(place: Spot) -> str:
    for step in chains.chain(place.whole):
        if chains.method(step) in ("iterator", "aiterator"):
            assert isinstance(step, cst.Call)
            if not step.args:
                return "iterator() needs a chunk_size before it can prefetch"
    return refusal(place)


def _candidates(
    place: Spot, lookups: Sequence[str], needed: Sequence[Need], source: Source
) -> Iterator[Patch]:
    covers = tuple(need.position for need in needed)
    plain = prefetch(place, [f'"{lookup}"' for lookup in lookups])
    if plain:
        summary = f"Read related rows for all at once: prefetch_related({_quoted(lookups)})"
        yield Patch(FIXER, summary, "safe", tuple(plain), covers=covers)
    joined = prefetch_joined(place, needed, source)
    if joined and set(joined) != set(plain):
        summary = f"Read related rows for all at once, with joins: {_quoted(lookups)}"
        yield Patch(FIXER, summary, "safe", tuple(dict.fromkeys(joined)), covers=covers)


def _model(group: Sequence[Need]) -> str:
    return group[0].origin.model


def _quoted(paths: Sequence[str]) -> str:
    return ", ".join(f'"{path}"' for path in paths)
