"""Are two answers the same? What identical code answers differently is noise and is masked."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from unslow.lab.prove import _html, _json
from unslow.lab.workload import Call, Response
from unslow.model import Responses

# Headers that carry meaning for a client. Dates, lengths, servers and timings do not.
COMPARED_HEADERS = (
    "content-type",
    "location",
    "allow",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "etag",
    "last-modified",
    "link",
    "vary",
    "www-authenticate",
    "x-total-count",
)
SERVER_ERROR = 500  # the page of an error names times, addresses and lines: only its status counts


@dataclass
class Masks:
    """The noise of one endpoint."""

    body: set[_json.Mask] = field(default_factory=set)
    forms: set[str] = field(default_factory=set)
    headers: set[str] = field(default_factory=set)
    whole_body: bool = False
    status: bool = False

    def names(self) -> Iterator[str]:
        yield from (str(mask) for mask in self.body)
        yield from (f"header {name}" for name in self.headers)
        yield from (f"text like {form}" for form in self.forms)
        if self.whole_body:
            yield "body"
        if self.status:
            yield "status and body"


@dataclass(frozen=True)
class Answer:
    """A response whose own address is replaced, so that copies on two ports can be equal."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def media(self) -> str:
        kind = self.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind.endswith("json"):
            return "json"
        return "html" if kind.endswith(("html", "xml")) else "raw"


Played = Sequence[tuple[Call, Answer]]


def answer(response: Response, base_url: str) -> Answer:
    """The comparable part of a response that the application at `base_url` gave."""
    address = urlsplit(base_url).netloc
    cookies = sorted(
        value.split("=")[0] for name, value in response.headers if name.lower() == "set-cookie"
    )
    headers = {
        name: response.header(name).replace(address, "HOST")
        for name in COMPARED_HEADERS
        if response.header(name)
    }
    if cookies:
        headers["set-cookie"] = ", ".join(cookies)
    return Answer(response.status, headers, response.body.replace(address.encode(), b"HOST"))


class Equivalence:
    """Learns the noise from two runs of the same code, then compares a third with the first.

    The runs hold the same calls in the same order.
    """

    def __init__(self, before: Played, again: Played) -> None:
        self._before = before
        self._masks: defaultdict[str, Masks] = defaultdict(Masks)
        self._places: list[frozenset[int]] = []
        for (call, one), (_, other) in zip(before, again, strict=True):
            self._places.append(_learn(one, other, self._masks[call.endpoint]))

    def masked(self, endpoints: Iterable[str] | None = None) -> tuple[str, ...]:
        """What is not compared, as readable names (`GET orders: [*].seen_at (value)`)."""
        wanted = self._masks if endpoints is None else set(endpoints)
        return tuple(
            f"{endpoint}: {name}"
            for endpoint in sorted(self._masks)
            if endpoint in wanted
            for name in sorted(self._masks[endpoint].names())
        )

    def compare(self, after: Played) -> Iterator[tuple[Call, str]]:
        """For each call: the sentence about its first difference, "" when it is equal."""
        for (call, one), (_, other), places in zip(self._before, after, self._places, strict=True):
            found = next(_differences(one, other, self._masks[call.endpoint], places), None)
            yield call, f"{call.method} {call.path} {found}" if found else ""


def summary(compared: Iterable[tuple[Call, str]], masked: tuple[str, ...] = ()) -> Responses:
    """How many were equal, and the first that was not."""
    sentences = [sentence for _, sentence in compared]
    first = next((sentence for sentence in sentences if sentence), "")
    return Responses(len(sentences), sentences.count(""), masked, first)


def _learn(one: Answer, other: Answer, masks: Masks) -> frozenset[int]:
    if one.status != other.status:
        masks.status = True
        return frozenset()
    masks.headers |= {
        name
        for name in {*one.headers, *other.headers}
        if one.headers.get(name) != other.headers.get(name)
    }
    if one.body == other.body or one.status >= SERVER_ERROR:
        return frozenset()
    if one.media == "json" and (both := _parsed(one, other)):
        masks.body |= set(_json.learn(*both))
        return frozenset()
    if one.media == "html":
        noise = _html.noise(_html.pieces(one.body), _html.pieces(other.body))
        if noise is not None:
            masks.forms |= noise[1]
            return noise[0]
    masks.whole_body = True
    return frozenset()


def _differences(
    one: Answer, other: Answer, masks: Masks, places: frozenset[int]
) -> Iterator[_json.Difference]:
    if masks.status:
        return
    if one.status != other.status:
        yield _json.Difference(("status",), str(one.status), str(other.status))
        return
    yield from _header_differences(one, other, masks)
    if one.body == other.body or one.status >= SERVER_ERROR or masks.whole_body:
        return
    if one.media == "json" and (both := _parsed(one, other)):
        yield from _json.differences(*both, frozenset(masks.body))
    elif one.media == "html":
        yield from _html.differences(
            _html.pieces(one.body), _html.pieces(other.body), places, frozenset(masks.forms)
        )
    else:
        yield _json.Difference(
            ("body",), f"{len(one.body)} bytes", f"{len(other.body)} other bytes"
        )


def _header_differences(one: Answer, other: Answer, masks: Masks) -> Iterator[_json.Difference]:
    noisy_body = bool(masks.body or masks.forms or masks.whole_body)
    for name in dict.fromkeys((*one.headers, *other.headers)):
        left, right = one.headers.get(name, "missing"), other.headers.get(name, "missing")
        # An ETag is a digest of the body: where that is masked, so is its digest.
        if left != right and name not in masks.headers and not (name == "etag" and noisy_body):
            yield _json.Difference((f"header {name}",), _json.shorten(left), _json.shorten(right))


def _parsed(one: Answer, other: Answer) -> tuple[_json.Value, _json.Value] | None:
    try:
        return _json.parse(one.body), _json.parse(other.body)
    except ValueError:
        return None
