"""Turns declared routes into calls, with parameters that exist in the data."""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from unslow.lab.workload._body import example_body
from unslow.lab.workload._call import SAFE_METHODS, Call
from unslow.lab.workload._sample import Sampler, primary_key
from unslow.lab.workload._views import query_parameters
from unslow.model import Model, Route, RouteParam, Skipped

WIDE_PAGES = 20  # of a list, asked for comparison
CALLS_PER_ENDPOINT = 4  # distinct calls measured per endpoint; as many are held out
_PARAMETER = re.compile(r"<(?:(?P<converter>[^:>]+):)?(?P<name>\w+)>|\{(?P<curly>\w+)(?::\w+)?\}")
_NO_NAME = "unslow-has-no-such-row"
_NO_ROW = {
    **dict.fromkeys(("int", "integer", "number"), "2147483647"),
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_NO_VALUE = "no value in the data fits its parameter {}"
_TEXT_TYPE = re.compile(r"char|text|string|email|slug", re.IGNORECASE)
_PAGING = frozenset({"page", "offset", "cursor", "skip", "start"})
_ROWS = frozenset({"offset", "skip", "start"})
_SIZES = frozenset({"limit", "page_size", "per_page", "size", "count", "top"})
_SEARCHES = frozenset({"q", "query", "search", "term", "text", "keyword", "keywords", "s"})


@dataclass(frozen=True)
class Planned:
    """The calls made for one route, or the reason why there are none."""

    calls: tuple[Call, ...] = ()
    skipped: Skipped | None = None


def plan(route: Route, sampler: Sampler, read: Callable[[str], bytes], *, writes: bool) -> Planned:
    """Calls for `route`, at most twice `CALLS_PER_ENDPOINT`, the plain form first.

    `read` gives the source of a site's path; it is asked for the query parameters that a view
    reads by hand.
    """
    endpoint = f"{route.method} {route.route}"
    if route.method not in SAFE_METHODS and not writes:
        return Planned(skipped=Skipped(endpoint, "writes were switched off"))
    paths = tuple(itertools.islice(_paths(route, sampler), CALLS_PER_ENDPOINT * 2))
    if not paths:
        names = ", ".join(param.name for param in path_parameters(route))
        return Planned(skipped=Skipped(endpoint, _NO_VALUE.format(names)))
    queries = tuple(itertools.islice(_queries(route, sampler, read), CALLS_PER_ENDPOINT * 2))
    if not queries:
        missing = ", ".join(p.name for p in route.params if p.location == "query" and p.required)
        return Planned(skipped=Skipped(endpoint, _NO_VALUE.format(missing)))
    return _calls(route, endpoint, paths, queries, sampler)


def plan_wide(
    route: Route, sampler: Sampler, read: Callable[[str], bytes], count: int
) -> Iterator[Call]:
    """Reads for comparison alone: what does not exist, then up to `count` rows and filters."""
    endpoint = f"{route.method} {route.route}"
    paths = tuple(itertools.islice(_paths(route, sampler), count))
    queries = tuple(itertools.islice(_queries(route, sampler, read, count), count))
    if not paths or not queries:
        return
    if path_parameters(route):
        yield Call(route.method, _missing(route), endpoint)
    for query in _malformed(route, read):
        yield Call(route.method, f"{paths[0]}?{query}", endpoint)
    for position in range(max(len(paths), len(queries))):
        path, query = paths[position % len(paths)], queries[position % len(queries)]
        yield Call(route.method, f"{path}?{query}" if query else path, endpoint)


def plan_more_writes(
    route: Route, sampler: Sampler, read: Callable[[str], bytes], count: int
) -> Iterator[Call]:
    """Up to `count` writes on other rows, for the comparison of what they send and leave behind."""
    endpoint = f"{route.method} {route.route}"
    paths = tuple(itertools.islice(_paths(route, sampler), count))
    queries = tuple(itertools.islice(_queries(route, sampler, read), 1))
    if paths and queries:
        yield from _calls(route, endpoint, paths, queries, sampler).calls


def _missing(route: Route) -> str:
    """The address of a row that is not there."""
    parameters = path_parameters(route)
    template = "/" + route.route.removeprefix("^").removesuffix("$").lstrip("/")
    return _filled(template, [_NO_ROW.get(param.type, _NO_NAME) for param in parameters])


def _malformed(route: Route, read: Callable[[str], bytes]) -> Iterator[str]:
    """Query strings that a careful view refuses or ignores."""
    declared = [param for param in route.params if param.location == "query"]
    for param in (*declared, *query_parameters(route, read)):
        yield urlencode({param.name: _NO_NAME})


def _calls(
    route: Route,
    endpoint: str,
    paths: Sequence[str],
    queries: Sequence[str],
    sampler: Sampler,
) -> Planned:
    count = max(len(paths), len(queries))
    headers: dict[str, str] = {}
    bodies: Sequence[bytes | None] = (None,)
    if route.method in ("POST", "PUT", "PATCH"):
        bodies = example_body(route, sampler, count)
        headers = {"Content-Type": "application/json"}
        if not bodies:
            return Planned(
                skipped=Skipped(endpoint, "its request body is unknown; replay a recording of it")
            )
    calls = []
    for position in range(count):
        path, query = paths[position % len(paths)], queries[position % len(queries)]
        url = f"{path}?{query}" if query else path
        body = bodies[position % len(bodies)]
        calls.append(Call(route.method, url, endpoint, headers, body))
    return Planned(tuple({(call.path, call.body): call for call in calls}.values()))


def path_parameters(route: Route) -> list[RouteParam]:
    """The parameters in the route's path, in its order, declared or read from its template."""
    declared = {param.name: param for param in route.params if param.location == "path"}
    found = []
    for match in _PARAMETER.finditer(route.route):
        name = match["name"] or match["curly"]
        kind = match["converter"] or "str"
        found.append(declared.get(name, RouteParam(name, "path", kind, required=True)))
    return found


def _paths(route: Route, sampler: Sampler) -> Iterator[str]:
    parameters = path_parameters(route)
    template = "/" + route.route.removeprefix("^").removesuffix("$").lstrip("/")
    if not parameters:
        yield template
        return
    for values in _joint_values(route, parameters, sampler):
        yield _filled(template, values)


def _filled(template: str, values: Sequence[str]) -> str:
    pieces = iter(values)
    return _PARAMETER.sub(lambda _: quote(next(pieces), safe=""), template)


def _joint_values(
    route: Route, parameters: Sequence[RouteParam], sampler: Sampler
) -> Iterator[tuple[str, ...]]:
    """Values that belong together: `/customers/1/orders/7/` where order 7 is customer 1's."""
    models = [_path_model(route, param, sampler) for param in parameters]
    if models[-1] is not None and len(parameters) > 1:
        rows = list(_related_rows(parameters, models, sampler))
        if rows:
            yield from rows
            return
    columns = [
        _values(param, model, sampler, route)
        for param, model in zip(parameters, models, strict=True)
    ]
    if all(columns):
        longest = max(len(values) for values in columns)
        for position in range(longest):
            yield tuple(values[position % len(values)] for values in columns)


def _related_rows(
    parameters: Sequence[RouteParam], models: Sequence[Model | None], sampler: Sampler
) -> Iterator[tuple[str, ...]]:
    child = models[-1]
    assert child is not None
    columns = []
    for param, model in zip(parameters, models, strict=True):
        if model is child:
            field = sampler.field(child, _field_name(param, child))
            columns.append(field.column if field else "")
        else:
            relation = sampler.relation(child, model) if model else None
            columns.append(relation.column if relation else "")
    if all(columns):
        for row in sampler.rows(child):
            if all(column in row for column in columns):
                yield tuple(row[column] for column in columns)


def _path_model(route: Route, param: RouteParam, sampler: Sampler) -> Model | None:
    if param.model:
        return sampler.model(param.model)
    stem = re.sub(r"_?(id|pk|slug|uuid|key|code|name|number)$", "", param.name)
    if stem and (model := sampler.named(stem)):
        return model
    before = _PARAMETER.split(route.route.split(f"{param.name}>")[0].split("{" + param.name)[0])
    words = [word for piece in before if piece for word in re.findall(r"[A-Za-z][\w-]+", piece)]
    for word in reversed(words):
        if model := sampler.named(word):
            return model
    return sampler.model(route.model) if route.model else None


def _field_name(param: RouteParam, model: Model) -> str:
    if param.field:
        return param.field
    names = {name for field in model.fields for name in (field.name, field.column)}
    if param.name in names:
        return param.name
    suffix = param.name.rsplit("_", 1)[-1]
    return suffix if suffix in names else "pk"


def _values(
    param: RouteParam, model: Model | None, sampler: Sampler, route: Route
) -> tuple[str, ...]:
    if param.choices:
        return param.choices
    if model is not None and (values := sampler.values(model, _field_name(param, model))):
        return values
    return _column_values(param.name, route, sampler)


def _column_values(name: str, route: Route, sampler: Sampler) -> tuple[str, ...]:
    """Values of a column of that name, in the route's own model first."""
    own = sampler.model(route.model) if route.model else _path_subject(route, sampler)
    candidates = ([own] if own else []) + [model for model in sampler.models if model is not own]
    for model in candidates:
        field = sampler.field(model, name) if name != "pk" else None
        if field is not None:
            values = field.choices or sampler.values(model, name)
            if values:
                return values
    return ()


def _path_subject(route: Route, sampler: Sampler) -> Model | None:
    words = re.findall(r"[A-Za-z][\w-]+", _PARAMETER.sub("", route.route))
    return next((model for word in reversed(words) if (model := sampler.named(word))), None)


def _queries(
    route: Route,
    sampler: Sampler,
    read: Callable[[str], bytes],
    count: int = CALLS_PER_ENDPOINT,
) -> Iterator[str]:
    """Query strings: the required parameters alone, then each optional one that has values."""
    declared = [param for param in route.params if param.location == "query"]
    known = {param.name for param in declared}
    by_hand = [param for param in query_parameters(route, read) if param.name not in known]
    required = [param for param in declared if param.required]
    base = [(param.name, _query_values(param, route, sampler)) for param in required]
    if not all(values for _, values in base):
        return
    longest = max([1, *(len(values) for _, values in base)])
    plain = [
        urlencode({name: values[position % len(values)] for name, values in base})
        for position in range(min(longest, count))
    ]
    yield plain[0]
    optional = [param for param in (*declared, *by_hand) if not param.required]
    offered = [(param, _query_values(param, route, sampler)) for param in optional]
    if count > CALLS_PER_ENDPOINT:
        offered = [(param, _pages(param) or values) for param, values in offered]
    for position in range(min(count, max([0, *(len(values) for _, values in offered)]))):
        for param, values in offered:
            if position < len(values):
                extra = urlencode({param.name: values[position]})
                yield "&".join(part for part in (plain[position % len(plain)], extra) if part)
    yield from plain[1:]


def _pages(param: RouteParam) -> tuple[str, ...]:
    """Pages by number, or rows left out; () where the parameter does not count them."""
    name = param.name.lower()
    if name == "page":
        return tuple(map(str, range(1, WIDE_PAGES + 1)))
    return tuple(str(20 * page) for page in range(WIDE_PAGES)) if name in _ROWS else ()


def _query_values(param: RouteParam, route: Route, sampler: Sampler) -> tuple[str, ...]:
    name = param.name.lower()
    if param.choices:
        return param.choices
    if param.model:
        model = sampler.model(param.model)
        return sampler.values(model, param.field or "pk") if model else ()
    if name in _PAGING:
        return ("1", "2") if name == "page" else ("0",)
    if name in _SIZES:
        return ("20",)
    if name in _SEARCHES:
        return _words(route, sampler)
    stem = re.sub(r"_(id|pk)$", "", name)
    if stem != name and (model := sampler.named(stem)):
        return sampler.values(model, "pk")
    if values := _column_values(param.name, route, sampler):
        return values
    if model := sampler.named(stem):
        return sampler.values(model, "pk")
    if param.type in ("integer", "int", "number"):
        return (param.default or "1",)
    if param.type == "boolean":
        return ("true", "false")
    return (param.default,) if param.default else ()


def _words(route: Route, sampler: Sampler) -> tuple[str, ...]:
    """Words that a search finds: from the short text columns of the route's model."""
    own = sampler.model(route.model) if route.model else _path_subject(route, sampler)
    for model in [own] if own else list(sampler.models):
        key = primary_key(model)
        for field in model.fields:
            if field is key or not _TEXT_TYPE.search(field.type):
                continue
            words = [
                re.split(r"[\s@._-]+", value)[0] for value in sampler.values(model, field.name)
            ]
            if found := tuple(dict.fromkeys(word for word in words if len(word) > 2)):
                return found
    return ()
