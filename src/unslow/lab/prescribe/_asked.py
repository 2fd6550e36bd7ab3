"""Where one question is asked again: the calls that led to each execution, and where they part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Query, RepeatedLoad, Site

Stack = tuple[Site, ...]


def stacks(finding: Finding, repeated: RepeatedLoad, source: Source) -> list[Stack]:
    """The distinct stacks of the equal executions, innermost frame first.

    Without a trace the finding's own places stand for them.
    """
    found: dict[Stack, None] = {}
    for request in source.trace.requests if source.trace else ():
        if request.endpoint in finding.endpoints:
            equal: defaultdict[Hashable, list[Query]] = defaultdict(list)
            for query in request.queries:
                if query.fingerprint == repeated.fingerprint and query.stack:
                    equal[query.sql, query.parameters_digest].append(query)
            for queries in equal.values():
                if len(queries) > 1 and _meets(queries[0].stack[0], finding.cause):
                    found.update(dict.fromkeys(query.stack for query in queries))
    return list(found) or [(site,) for site in repeated.uses]


def parting(found: Sequence[Stack]) -> tuple[int, list[Stack]]:
    """The number of outer frames that all stacks share, and what is left of each stack.

    A left stack ends with the frame where they part; of one stack alone nothing is shared.
    """
    if len(found) < 2:
        return 0, list(found)
    shared = 0
    while all(len(stack) > shared + 1 for stack in found):
        if len({stack[-1 - shared] for stack in found}) > 1:
            break
        shared += 1
    return shared, [stack[: len(stack) - shared] for stack in found]


def function_at(source: Source, site: Site) -> tuple[Module, cst.FunctionDef] | None:
    """The function that the site stands in."""
    module = source.module(site.path)
    node = module.at(site) if module else None
    function = module.enclosing(node, cst.FunctionDef) if module and node else None
    return (module, function) if module and function else None


def is_generator(function: cst.FunctionDef, module: Module) -> bool:
    return any(
        module.enclosing(node, cst.FunctionDef) is function for node in module.nodes(cst.Yield)
    )


def decorators(node: cst.FunctionDef | cst.ClassDef) -> list[str]:
    """The last part of each decorator's name."""
    found = []
    for one in node.decorators:
        inner = one.decorator
        name = chains.dotted(inner.func if isinstance(inner, cst.Call) else inner)
        found.append(name.rpartition(".")[2])
    return found


def _meets(site: Site, cause: Site | None) -> bool:
    return cause is None or (
        site.path == cause.path and site.line <= cause.end_line and site.end_line >= cause.line
    )
