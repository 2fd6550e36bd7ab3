"""Judges what a test ran: repeated queries, each with its cause and what to write there."""

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import msgspec

from unslow.kit._test_fixes import fix
from unslow.kit._test_run import Run, folded
from unslow.model import Cost, Finding, Query, RepeatEvidence, Request, Site, Trace
from unslow.observe._record import Query as Statement
from unslow.observe._record import RequestRecord
from unslow.rules.allowances import Allowances
from unslow.rules.causes import repeat_site, shared_sites
from unslow.rules.expressions import Expressions
from unslow.rules.repeats import MIN_REPEATS, Group, groups, is_repeated

ALLOW = "# unslow: allow repeated-query -- why"
PAGE = "https://unslow.readthedocs.io/en/latest/detectors/repeated-query.html"
PLACES = 3  # of one shape that are named
SHAPE_WIDTH = 300  # characters of a statement's shape that are shown
LOOPS = (
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)

IsTest = Callable[[str], bool]


@dataclass(frozen=True)
class Repeat:
    """Repeated queries of one request or of the test's own calls, and the expression at fault."""

    group: Group
    cause: Site

    @property
    def symptom(self) -> Site | None:
        stack = self.group.queries[0].stack
        return stack[0] if stack else None


def repeats(run: Run, is_test: IsTest, today: date | None = None) -> list[Repeat]:
    """The repeated queries that no comment allows, those of one cause once.

    What the test's own code repeats is not the application's: its own queries, those of a queryset
    that it builds, and what it calls in a loop.
    """
    requests = [_request(record) for record in run.requests if _may_repeat(record)]
    if _may_repeat(run.own):
        requests.insert(0, _without_the_tests_own(_request(run.own), is_test))
    if not requests:
        return []
    trace = Trace(1, "", "", "", "", (), requests=tuple(requests))
    shared = shared_sites(trace)
    whole = Expressions(_read).whole
    found: dict[Site, Repeat] = {}
    for group in (group for one in requests for group in groups(one) if is_repeated(group)):
        cause = repeat_site(group, shared, ())
        if cause is None or is_test(cause.path):
            continue
        known = found.get(cause)
        if known is None or len(known.group.queries) < len(group.queries):
            found[cause] = Repeat(group, cause)
    allowances = Allowances(_read)
    widened = [Repeat(one.group, whole(one.cause)) for one in found.values()]
    return [one for one in widened if not _is_allowed(one, allowances, today or date.today())]


def _may_repeat(record: RequestRecord) -> bool:
    return sum(query["kind"] == "select" for query in record.queries) >= MIN_REPEATS


def _request(record: RequestRecord) -> Request:
    return msgspec.convert(
        {
            "id": record.id,
            "method": record.method,
            "path": record.path,
            "route": record.route or record.path.partition("?")[0],
            "status": record.status,
            "duration_ms": record.duration_ms,
            "queries": record.queries,
            "view": record.view,
        },
        Request,
    )


def _without_the_tests_own(request: Request, is_test: IsTest) -> Request:
    kept = tuple(query for query in request.queries if not _is_the_tests(query, is_test))
    return msgspec.structs.replace(request, queries=kept)


def _is_the_tests(query: Query, is_test: IsTest) -> bool:
    if not query.stack or is_test(query.stack[0].path):
        return True
    return any(is_test(site.path) and _is_in_loop(site) for site in query.stack)


def _is_in_loop(site: Site) -> bool:
    return any(first <= site.line <= last for first, last in _loops(site.path))


@cache
def _loops(path: str) -> tuple[tuple[int, int], ...]:
    try:
        tree = ast.parse(_read(path))
    except (OSError, SyntaxError, ValueError):
        return ()
    return tuple(
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, LOOPS)
    )


@cache
def _read(path: str) -> bytes:
    return Path(path).read_bytes()


def _is_allowed(repeat: Repeat, allowances: Allowances, today: date) -> bool:
    finding = Finding(
        id="repeated-query",
        title="",
        severity="low",
        confidence="certain",
        endpoints=(),
        cause=repeat.cause,
        symptom=repeat.symptom,
        evidence=RepeatEvidence(()),
        cost=Cost(0, 0, 0),
    )
    return any(not one.is_past(today) for one in allowances.named(finding))


def message(found: Sequence[Repeat], root: Path) -> str:
    """What a failed test says."""
    return "\n\n".join("\n".join(_lines(one, root)) for one in found)


def _lines(repeat: Repeat, root: Path) -> Iterator[str]:
    queries, request = repeat.group.queries, repeat.group.request
    where = "the test" if request.method == "TEST" else f"{request.method} {request.path}"
    yield f"repeated-query: {where} runs {len(queries)} queries of one shape"
    yield f"  {_cut(queries[0].shape)}"
    yield ""
    yield from _shown("cause", repeat.cause, root)
    symptom = repeat.symptom
    if symptom is not None and not _meet(symptom, repeat.cause):
        yield from _shown("shows", symptom, root)
    if queries[0].through:
        yield f"  through  {' > '.join(queries[0].through)}"
    yield f"  fix    {fix(queries, _text(repeat.cause))}"
    yield f"  keep   {ALLOW}"
    yield f"  see    {PAGE}"


def _shown(label: str, site: Site, root: Path) -> Iterator[str]:
    yield f"  {label}  {_relative(site.path, root)}:{site.line} in {site.function}"
    try:
        lines = _read(site.path).decode("utf-8", "replace").splitlines()
    except OSError:
        return
    for number in range(site.line, min(site.end_line, site.line + 4) + 1):
        if number <= len(lines):
            yield f"    {number:>4} | {lines[number - 1]}"
    if site.line == site.end_line and site.end_column > site.column:
        before = lines[site.line - 1].encode()[: site.column].decode("utf-8", "replace")
        inside = lines[site.line - 1].encode()[site.column : site.end_column]
        pad = "".join("\t" if one == "\t" else " " for one in before)
        yield f"         | {pad}{'^' * len(inside.decode('utf-8', 'replace'))}"


def _text(site: Site) -> str:
    """The expression's source, where it is one line."""
    if site.line != site.end_line:
        return ""
    try:
        line = _read(site.path).splitlines()[site.line - 1]
    except (OSError, IndexError):
        return ""
    return line[site.column : site.end_column].decode("utf-8", "replace")


def _meet(one: Site, other: Site) -> bool:
    return one.path == other.path and other.line <= one.line <= other.end_line


def _relative(path: str, root: Path) -> str:
    place = Path(path)
    return str(place.relative_to(root)) if place.is_relative_to(root) else path


def _cut(shape: str) -> str:
    return shape if len(shape) <= SHAPE_WIDTH else shape[: SHAPE_WIDTH - 1] + "…"


def listed(queries: Sequence[Statement], root: Path) -> str:
    """The queries folded by shape, most often first, each with the places that ran it."""
    lines = []
    for shape, same in sorted(folded(queries), key=lambda pair: -len(pair[1])):
        lines.append(f"  {len(same)} × {_cut(shape)}")
        places = Counter(
            f"{_relative(query['stack'][0]['path'], root)}:{query['stack'][0]['line']}"
            for query in same
            if query["stack"]
        )
        lines += [f"        {place}" for place, _ in places.most_common(PLACES)]
    return "\n".join(lines)
