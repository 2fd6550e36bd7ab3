"""Follows one test at a time: the queries of its own code, and those of each request it sends."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from unslow.kit import _test_clients
from unslow.observe import _application, _embedded, _record, _sites, _start
from unslow.observe._record import Query, RequestRecord

# A test's own transaction adds savepoints that production has not.
CONTROL = re.compile(
    r"\s*(?:BEGIN|START\s+TRANSACTION|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET\s+CONSTRAINTS|PRAGMA)\b",
    re.IGNORECASE,
)

Mark = tuple[int, ...]


class Run:
    """What a test has done so far, its fixtures left out."""

    def __init__(self, name: str) -> None:
        self.own = RequestRecord("", "TEST", name, threaded=False)
        self.requests: list[RequestRecord] = []

    def mark(self) -> Mark:
        """This moment; what comes `since` it can be asked for later."""
        return tuple(len(record.queries) for record in self._records())

    def since(self, mark: Mark = ()) -> list[Query]:
        """The statements since then, but those that only begin and end transactions."""
        return [
            query
            for record, seen in zip_longest(self._records(), mark, fillvalue=0)
            if isinstance(record, RequestRecord)
            for query in record.queries[seen:]
            if not CONTROL.match(query["sql"])
        ]

    def _records(self) -> Iterator[RequestRecord]:
        yield self.own
        yield from self.requests


_current: Run | None = None
_started = False


def start(roots: Iterable[Path]) -> None:
    """Record every query from now on, with its place in the code below `roots`."""
    global _started
    if _started:
        return
    _started = True
    _embedded.start("full")
    if not _start.is_started():
        _sites.configure(map(str, roots), _sites.packages())
    _embedded.starting(_begun)
    _test_clients.install()


def begin(name: str) -> Run:
    """Follow a test; what no request runs is its own."""
    global _current
    _application.look()
    _current = Run(name)
    _record.set_ground(_current.own)
    return _current


def end() -> None:
    """Follow the test no more."""
    global _current
    _record.set_ground(None)
    _current = None


def current() -> Run | None:
    """The test that runs now."""
    return _current


def _begun(record: RequestRecord) -> None:
    if _current is not None:
        _current.requests.append(record)


def folded(queries: Sequence[Query]) -> list[tuple[str, list[Query]]]:
    """The queries by shape, in the order in which the shapes came up."""
    shapes: dict[str, list[Query]] = {}
    for query in queries:
        shapes.setdefault(query["shape"], []).append(query)
    return list(shapes.items())
