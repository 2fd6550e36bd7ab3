"""Are two answers the same? What identical code answers differently is noise and is masked."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from unslow.lab.prove import _bodies, _headers, _json, _markup
from unslow.lab.prove._bodies import Pages
from unslow.lab.prove._json import Difference, Mask, Value
from unslow.lab.prove.rules import NO_RULES, Rules
from unslow.lab.workload import Call, Response
from unslow.model import Responses

SERVER_ERROR = 500  # the page of an error names times, addresses and lines: only its status counts
HEADER = "header"
EFFECTS = "sends"
BODY = "body"


@dataclass(frozen=True)
class Answer:
    """A response whose own address is replaced, so that copies on two ports can be equal.

    The body is without its content encoding. `effects` is what the request sent elsewhere: mails,
    tasks and cache writes by their readable kind (`unslow.observe._effects`).
    """

    status: int
    headers: Mapping[str, Value]
    body: bytes
    effects: Mapping[str, Value] = field(default_factory=dict)

    @property
    def media(self) -> str:
        kind = self.headers.get("content-type", "")
        return _bodies.media_of(kind if isinstance(kind, str) else "", self.body)


Played = Sequence[tuple[Call, Answer]]


@dataclass
class Masks:
    """The noise of one endpoint."""

    found: frozenset[Mask] = frozenset()
    statuses: set[int] = field(default_factory=set)
    _by_path: _json.Masks | None = None

    def add(self, masks: Iterable[Mask]) -> None:
        self.found = self.found.union(masks)
        self._by_path = None

    @property
    def by_path(self) -> _json.Masks:
        if self._by_path is None:
            self._by_path = _json.by_path(self.found)
        return self._by_path

    def has_body(self) -> bool:
        return any(mask.path[:1] not in ((HEADER,), (EFFECTS,)) for mask in self.found)

    def names(self) -> Iterator[str]:
        yield from (_name(mask) for mask in self.found)
        if self.statuses:
            yield f"status ({' or '.join(map(str, sorted(self.statuses)))})"


def answer(response: Response, base_url: str) -> Answer:
    """The comparable part of a response that the application at `base_url` gave."""
    address = urlsplit(base_url).netloc
    headers = _headers.compared(response.headers, address)
    body = _bodies.decoded(response.body, response.header("content-encoding"))
    body = response.body if body is None else body
    return Answer(response.status, headers, body.replace(address.encode(), b"HOST"))


class Equivalence:
    """Learns the noise from two runs of the same code, then compares a third with the first.

    The runs hold the same calls in the same order. `rules` are the user's own masks.
    """

    def __init__(self, before: Played, again: Played, rules: Rules = NO_RULES) -> None:
        self._before = before
        self._rules = rules
        self._masks: defaultdict[str, Masks] = defaultdict(Masks)
        self._others: list[tuple[Answer, ...]] = [()] * len(before)
        self.learn(again)

    def learn(self, again: Played) -> None:
        """Take what differs in another run of the same code for noise too."""
        for place, ((call, one), (_, other)) in enumerate(zip(self._before, again, strict=True)):
            masks = self._masks[call.endpoint]
            if one.status != other.status:
                masks.statuses |= {one.status, other.status}
                self._others[place] += (other,)
            else:
                masks.add(_noise(self._cleaned(call, one), self._cleaned(call, other)))

    def learn_order(self, again: Played) -> bool:
        """Take lists that identical code gave in another order for lists without one.

        `again` are answers from the same rows, stored in another order; anything else that differs
        in them is left alone. Returns whether something was learned.
        """
        learned = False
        for (call, one), (_, other) in zip(self._before, again, strict=True):
            if one.status == other.status:
                noise = _noise(self._cleaned(call, one), self._cleaned(call, other))
                order = {mask for mask in noise if mask.how == "order"}
                masks = self._masks[call.endpoint]
                learned |= not order <= masks.found
                masks.add(order)
        return learned

    def adopt(self, other: "Equivalence") -> None:
        """Take the noise that another comparison has found of these endpoints."""
        for endpoint in {call.endpoint for call, _ in self._before}:
            if endpoint in other._masks:
                self._masks[endpoint].add(other._masks[endpoint].found)

    def masked(self, endpoints: Iterable[str] | None = None) -> tuple[str, ...]:
        """What is not compared, as readable names (`GET orders: [*].seen_at (time)`)."""
        wanted = self._masks if endpoints is None else set(endpoints)
        learned = tuple(
            f"{endpoint}: {name}"
            for endpoint in sorted(self._masks)
            if endpoint in wanted
            for name in sorted(self._masks[endpoint].names())
        )
        return learned + self._rules.used(wanted)

    def compare(self, after: Played) -> Iterator[tuple[Call, str]]:
        """For each call: the sentence about its first difference, "" when it is equal."""
        for call, found in self.differences(after):
            yield call, f"{call.method} {call.path} {found}" if found else ""

    def differences(self, after: Played) -> Iterator[tuple[Call, Difference | None]]:
        """For each call: its first difference, None when it is equal."""
        for (call, one), (_, other), others in zip(self._before, after, self._others, strict=True):
            masks = self._masks[call.endpoint]
            left = next((seen for seen in others if seen.status == other.status), one)
            if one.status == other.status:
                left = one
            pair = self._cleaned(call, left), self._cleaned(call, other)
            yield call, next(_differences(*pair, masks), None)

    def _cleaned(self, call: Call, given: Answer) -> "_Read":
        return _Read(call, given, self._rules)


def summary(compared: Iterable[tuple[Call, str]], masked: tuple[str, ...] = ()) -> Responses:
    """How many were equal, and the first that was not."""
    sentences = [sentence for _, sentence in compared]
    first = next((sentence for sentence in sentences if sentence), "")
    return Responses(len(sentences), sentences.count(""), masked, first)


class _Read:
    """An answer that is parsed when it must be, without what the user's rules leave out."""

    def __init__(self, call: Call, given: Answer, rules: Rules) -> None:
        self._call = call
        self._rules = rules
        self.answer = given

    @property
    def headers(self) -> Value:
        return self._rules.headers(self._call.endpoint, self.answer.headers)

    @property
    def document(self) -> _bodies.Document | None:
        body = self._rules.text(self._call.endpoint, self.answer.body, self.answer.media)
        found = _bodies.document(body, self.answer.media)
        if found is None or isinstance(found, Pages | bytes):
            return found
        return self._rules.value(self._call.endpoint, found)  # type: ignore[arg-type]

    def try_rules(self) -> None:
        """Let the rules know what they meet, even where nothing differs."""
        if self._rules.concern(self._call.endpoint):
            _ = self.document

    def same_body(self, other: "_Read") -> bool:
        return self.answer.body == other.answer.body and self.answer.media == other.answer.media


def _noise(one: _Read, other: _Read) -> Iterator[Mask]:
    """The masks that make the two equal."""
    yield from _json.learn(one.headers, other.headers, (HEADER,))
    yield from _json.learn(dict(one.answer.effects), dict(other.answer.effects), (EFFECTS,))
    if one.answer.status >= SERVER_ERROR:
        return
    if one.same_body(other):
        one.try_rules()
        return
    before, after = one.document, other.document
    if isinstance(before, Pages) and isinstance(after, Pages):
        yield from _markup.learn(before, after)
    elif _is_value(before) and _is_value(after):
        yield from _json.learn(before, after)  # type: ignore[arg-type]
    elif before != after or before is None:
        yield Mask((BODY,), "shape")


def _differences(one: _Read, other: _Read, masks: Masks) -> Iterator[Difference]:
    before, after = one.answer, other.answer
    if before.status != after.status:
        if after.status not in masks.statuses:
            yield Difference(("status",), str(before.status), str(after.status))
        return
    for found in _json.differences(one.headers, other.headers, masks.by_path, (HEADER,)):
        # An ETag is a digest of the body: where that is masked, so is its digest.
        if not (found.path == (HEADER, "etag") and masks.has_body()):
            yield _named(found)
    if before.status < SERVER_ERROR and not one.same_body(other):
        yield from _body_differences(one, other, masks)
    for found in _json.differences(
        dict(before.effects), dict(after.effects), masks.by_path, (EFFECTS,)
    ):
        yield _effect(found, before, after)


def _body_differences(one: _Read, other: _Read, masks: Masks) -> Iterator[Difference]:
    by_path = masks.by_path
    if "shape" in by_path.get((BODY,), ()):
        return
    before, after = one.document, other.document
    if isinstance(before, Pages) and isinstance(after, Pages):
        yield from _markup.differences(before, after, by_path)
    elif _is_value(before) and _is_value(after):
        yield from _json.differences(before, after, by_path)  # type: ignore[arg-type]
    elif before != after or before is None:
        sizes = len(one.answer.body), len(other.answer.body)
        yield Difference((BODY,), f"{sizes[0]} bytes", f"{sizes[1]} other bytes")


def _is_value(found: _bodies.Document | None) -> bool:
    return found is not None and not isinstance(found, Pages | bytes)


def _named(found: Difference) -> Difference:
    """A header's difference under its name: `header location`."""
    name, *rest = found.path[1:] or ("headers",)
    return Difference((f"{HEADER} {name}", *rest), _plain(found.before), _plain(found.after))


def _effect(found: Difference, before: Answer, after: Answer) -> Difference:
    """What is sent once more, once less, or with other content; the content is not told."""
    what = str(found.path[1])
    place = (f"{EFFECTS} {what}",)
    if len(found.path) == 2:
        return Difference(place, _times(before.effects.get(what)), _times(after.effects.get(what)))
    part = next((str(key) for key in found.path[2:] if isinstance(key, str)), "content")
    return Difference(place, part, f"another {part}")


def _times(sent: Value) -> str:
    count = len(sent) if isinstance(sent, list) else 0
    return "once" if count == 1 else f"{count} times"


def _plain(shown: str) -> str:
    """A header's text without the quotes of JSON."""
    return shown[1:-1] if len(shown) > 1 and shown[0] == shown[-1] == '"' else shown


def _name(mask: Mask) -> str:
    if mask.path[:1] == (HEADER,):
        return f"header {Mask(mask.path[1:], mask.how)}"
    if mask.path[:1] == (EFFECTS,):
        return f"{EFFECTS} {Mask(mask.path[1:], mask.how)}"
    if mask.path == (BODY,) and mask.how == "shape":
        return BODY
    return str(mask)
