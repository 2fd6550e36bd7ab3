"""Joins to-one relations that are read per row into the queryset: `.select_related(...)`."""

from collections.abc import Iterator, Sequence

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._joins import join
from unslow.lab.prescribe._querysets import Spot, places, refusal
from unslow.lab.prescribe._relations import Need, longest, needs, orphans
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch, Recommendation

DETECTORS = frozenset({"repeated-query", "duplicate-query"})
FIXER = "django-select-related"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch that joins every to-one path of the finding's loads, or what to write."""
    joinable = [need for need in needs(finding, source, "django") if is_joinable(need)]
    for place, group in places(finding, joinable, source):
        paths = longest("__".join(need.query_names) for need in group)
        reason = _refusal(place, group) if place else "its queryset is not built in your source"
        if place is None or reason:
            yield _recommendation(group, paths, reason)
        elif edits := join(place, paths):
            covers = tuple(need.position for need in group)
            call = f"select_related({_quoted(paths)})"
            summary = f"Join what is read per row: {call}"
            yield Patch(FIXER, summary, "safe", tuple(edits), covers=covers)
    for load in orphans(finding, "django"):
        summary = f"Load {load.relation} together with its {load.parent}"
        yield Recommendation(FIXER, summary, "which queryset they come from was not seen")


def is_joinable(need: Need) -> bool:
    return need.to_one and need.load.kind == "forward"


def _refusal(place: Spot, group: Sequence[Need]) -> str:
    call = place.existing("select_related")
    if call is not None and (not call.args or chains.dotted(call.args[0].value) == "None"):
        return "the queryset calls select_related() without names, and naming some changes which"
    steps = place.steps()
    nullable = any(
        step.null or step.kind == "reverse-one-to-one" for n in group for step in n.steps
    )
    if "select_for_update" in steps and nullable:
        return "PostgreSQL cannot lock the nullable side of an outer join; say of=(...) first"
    if "only" in steps or "defer" in steps:
        return _deferred(place, group) or refusal(place)
    return refusal(place)


def _deferred(place: Spot, group: Sequence[Need]) -> str:
    """A field cannot be deferred and joined: each must be named by `only`, not by `defer`."""
    first = {need.steps[0].name for need in group if need.steps[0].kind != "reverse-one-to-one"}
    only, defer = place.existing("only"), place.existing("defer")
    named = _names(only) if only else first
    hidden = _names(defer) if defer else set()
    unseen = only is None and defer is None
    if unseen or first - named or first & hidden:
        return f"the queryset defers {', '.join(sorted(first))}, which a join needs"
    return ""


def _names(call: cst.Call) -> set[str]:
    texts = (chains.string(arg.value) or "" for arg in call.args)
    return {text.partition("__")[0].removesuffix("_id") for text in texts}


def _recommendation(group: Sequence[Need], paths: Sequence[str], reason: str) -> Recommendation:
    summary = f"Add .select_related({_quoted(paths)}) to the {group[0].origin.model} queryset"
    return Recommendation(FIXER, summary, reason)


def _quoted(paths: Sequence[str]) -> str:
    return ", ".join(f'"{path}"' for path in paths)
