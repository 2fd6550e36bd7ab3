"""Which requests a running service takes, by the OpenAPI description that it gives of itself."""

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from unslow.lab.workload import Call, Response
from unslow.model import Skipped

PLACES = ("/openapi.json", "/api/schema", "/api/schema/", "/schema/", "/api/openapi.json")
CALLS = 8  # per endpoint; half of them are held out
NAMES = ("id", "pk", "uuid", "slug", "key", "code", "name")
GUESSES = {"integer": ("1", "2", "3"), "boolean": ("true", "false"), "number": ("1",)}
_PARAMETER = re.compile(r"\{(\w+)[^}]*\}")

Get = Callable[[str], Response | None]  # a path -> its answer; None when there was none
Json = Mapping[str, object]


@dataclass(frozen=True)
class Description:
    """The routes that can be asked for (`GET /orders/{id}`), with their parameters."""

    document: Json

    @property
    def templates(self) -> tuple[str, ...]:
        """All paths, those with parameters last, so that a literal one is matched first."""
        paths = _mapping(self.document.get("paths"))
        return tuple(sorted(paths, key=lambda path: (path.count("{"), path)))

    @property
    def endpoints(self) -> frozenset[str]:
        paths = _mapping(self.document.get("paths"))
        return frozenset(f"GET {path}" for path, item in paths.items() if "get" in _mapping(item))

    def endpoint_of(self, method: str, path: str) -> str:
        """`GET /orders/{id}` for `/orders/7?full=1`; "" for a path that is not described."""
        bare = path.partition("?")[0]
        for template in self.templates:
            if re.fullmatch(_pattern(template), bare):
                return f"{method} {template}"
        return ""

    def parameters(self, template: str) -> Iterator[Json]:
        item = _mapping(_mapping(self.document.get("paths")).get(template))
        for owner in (_mapping(item.get("get")), item):
            found = owner.get("parameters")
            for one in found if isinstance(found, list) else ():
                yield self._resolved(_mapping(one))

    def _resolved(self, value: Json) -> Json:
        reference = value.get("$ref")
        if not isinstance(reference, str):
            return value
        found: object = self.document
        for word in reference.removeprefix("#/").split("/"):
            found = _mapping(found).get(word)
        return _mapping(found)

    def values(self, parameter: Json) -> tuple[str, ...]:
        """Those that the description itself names."""
        schema = self._resolved(_mapping(parameter.get("schema")))
        given = [parameter.get("example"), schema.get("example"), schema.get("default")]
        for several in (schema.get("enum"), schema.get("examples")):
            given += several if isinstance(several, list) else []
        for example in _mapping(parameter.get("examples")).values():
            given.append(_mapping(example).get("value"))
        return tuple(dict.fromkeys(_text(one) for one in given if one is not None))

    def kind(self, parameter: Json) -> str:
        return str(self._resolved(_mapping(parameter.get("schema"))).get("type"))

    def guesses(self, parameter: Json) -> tuple[str, ...]:
        return GUESSES.get(self.kind(parameter), ())


def describe(get: Get) -> Description | None:
    """The description at one of the usual places; None when there is none."""
    for place in PLACES:
        answer = get(place)
        if answer is not None and answer.status == 200:
            document = _json(answer.body)
            if isinstance(document, Mapping) and _mapping(document.get("paths")):
                return Description(document)
    return None


def calls(described: Description, get: Get) -> tuple[tuple[Call, ...], tuple[Skipped, ...]]:
    """GET requests for every described route, with values that its lists contain."""
    rows = _Rows(get)
    found: list[Call] = []
    skipped: list[Skipped] = []
    for endpoint in sorted(described.endpoints):
        template = endpoint.partition(" ")[2]
        parameters = {str(one.get("name")): one for one in described.parameters(template)}
        query = _query(described, parameters)
        urls = tuple(itertools.islice(_filled(template, described, parameters, rows), CALLS))
        if isinstance(query, Skipped) or not urls:
            name = query.reason if isinstance(query, Skipped) else _missing(template)
            skipped.append(Skipped(endpoint, f"no value is known for its parameter {name}"))
        else:
            found += (Call("GET", url + query, endpoint) for url in urls)
    return tuple(found), tuple(skipped)


@dataclass(frozen=True)
class _Rows:
    """The rows of lists that the service itself answers with."""

    get: Get

    def values(self, path: str, name: str, kind: str) -> tuple[str, ...]:
        """What `name` may be below `path`: `/orders` tells what `order_id` may be, and what
        `number` may be below `/orders/by-number`."""
        wanted: tuple[str, ...] = (name, name.rpartition("_")[2], *NAMES)
        while path:
            for place in (path, path + "/"):
                if found := self._listed(place, wanted, kind):
                    return found
            path, wanted = path.rpartition("/")[0], (name,)
        return ()

    def _listed(self, place: str, keys: Sequence[str], kind: str) -> tuple[str, ...]:
        answer = self.get(place)
        rows = _rows(_json(answer.body)) if answer and answer.status == 200 else []
        for key in keys:
            found = dict.fromkeys(_text(row[key]) for row in rows if row.get(key))
            fitting = [text for text in found if kind != "integer" or text.isdecimal()]
            if fitting:
                return tuple(fitting[:CALLS])
        return ()


def _filled(
    template: str, described: Description, parameters: Mapping[str, Json], rows: _Rows
) -> Iterator[str]:
    match = _PARAMETER.search(template)
    if match is None:
        yield template
        return
    parameter = parameters.get(match[1], {})
    before, after = template[: match.start()], template[match.end() :]
    kind = described.kind(parameter)
    values = described.values(parameter) or rows.values(before.rstrip("/"), match[1], kind)
    for value in values or described.guesses(parameter):
        yield from _filled(before + quote(value, safe="") + after, described, parameters, rows)


def _query(described: Description, parameters: Mapping[str, Json]) -> "str | Skipped":
    """The query string of the required parameters."""
    required: dict[str, str] = {}
    for name, one in parameters.items():
        if one.get("in") == "query" and one.get("required") is True:
            values = described.values(one) or described.guesses(one)
            if not values:
                return Skipped("", name)
            required[name] = values[0]
    return f"?{urlencode(required)}" if required else ""


def _missing(template: str) -> str:
    return ", ".join(_PARAMETER.findall(template))


def _pattern(template: str) -> str:
    pieces = _PARAMETER.split(template)  # text, name, text, name, ...
    return "[^/]+".join(map(re.escape, pieces[::2]))


def _rows(value: object) -> list[Json]:
    if isinstance(value, Mapping):
        lists = [one for one in value.values() if isinstance(one, list) and one]
        value = lists[0] if lists else []
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
