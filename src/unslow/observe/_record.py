"""Keeps what happened in the current request until its response is finished."""

import os
import threading
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from hashlib import blake2b
from typing import Any, Literal, TypedDict

from unslow.observe import _encode, _shape, _sites, _wire
from unslow.observe._literals import literals
from unslow.observe._sites import Site

Level = Literal["off", "light", "full"]


MOST_KEPT = 10_000  # statements, and parts of each kind, of one request; the rest is counted
SITE_S = 0.01  # of a statement; to find its site takes some microseconds
LATE_S = 0.1  # of a request; it may become a slow one of many short statements

THREAD_MARK = "_unslow_request"  # on a thread: the id of the request that started it


class Query(TypedDict):
    """`model.Query` as JSON; `rows` and `load` may be filled in until the request ends."""

    sql: str
    shape: str
    fingerprint: str
    start_ms: float
    duration_ms: float
    kind: str
    rows: int | None
    parameters: list[str] | None
    parameters_digest: str
    database: str
    stack: list[Site]
    through: list[str]
    load: dict[str, Any] | None
    batch: int


# What the light level keeps of a statement: its text, the database, and from when to when, in
# seconds of `time.perf_counter()`.
Statement = tuple[Any, str, float, float]


class RequestRecord:
    """One request under way. Integrations fill in `route` and `view` as soon as they know them."""

    __slots__ = (
        "_id",
        "_queries",
        "blocked",
        "closed",
        "content_encoding",
        "content_type",
        "cpu_clock",
        "cpu_ms",
        "cpu_started",
        "dropped",
        "dropped_parts",
        "dropped_s",
        "duration_ms",
        "endpoint",
        "error",
        "method",
        "mounted",
        "parts",
        "path",
        "response_bytes",
        "returned",
        "route",
        "served",
        "slowest",
        "slowest_s",
        "slowest_site",
        "started",
        "statements",
        "status",
        "view",
    )

    def __init__(
        self, id: str, method: str, path: str, *, threaded: bool, served: bool = False
    ) -> None:
        self._id = id
        self.served = served  # a client's request, and not a test or a task
        self.method = method
        self.path = path
        self.route = ""
        self.mounted = ""  # templates of the mounts passed on the way to the route
        self.status = 0
        self.response_bytes = 0
        self._queries: list[Query] = []
        self.statements: list[Statement] = []  # of the light level, until they are asked for
        self.dropped = 0  # statements beyond `MOST_KEPT`
        self.dropped_s = 0.0  # their time
        self.dropped_parts = 0
        self.slowest: Statement | None = None  # of the light level
        self.slowest_s = 0.0
        self.slowest_site: Site | None = None
        self.parts: dict[str, Any] = {}  # further fields of `model.Request`
        self.error = ""
        self.content_type = ""
        self.content_encoding = ""  # also "negotiated", where the answer would differ by request
        self.blocked: list[str] = []
        self.view: Site | None = None
        self.endpoint: Any = None  # the function that answers, where the framework names it
        self.closed = False
        self.returned = False  # it has only its body to send; the next request may begin here
        self.duration_ms = 0.0  # both are set when it is closed
        self.cpu_ms = 0.0
        # A WSGI request has its thread for itself; an ASGI request may use several.
        self.cpu_clock = time.thread_time if threaded else time.process_time
        self.cpu_started = self.cpu_clock()
        self.started = time.perf_counter()

    @property
    def id(self) -> str:
        """The request's name: what the lab calls it, else random digits."""
        if not self._id:
            self._id = os.urandom(16).hex()
        return self._id

    @property
    def query_count(self) -> int:
        """How many statements there were, kept or not."""
        return len(self._queries) + len(self.statements) + self.dropped

    @property
    def queries(self) -> list[Query]:
        """The statements that were kept, those of the light level written out."""
        if self.statements:
            statements, self.statements = self.statements, []
            self._queries += [_written(self, one) for one in statements]
        return self._queries

    def slowest_query(self) -> Query | None:
        """The longest statement, kept or not; at the light level it alone may have a stack."""
        found = max(self.queries, key=lambda query: query["duration_ms"], default=None)
        if self.slowest is not None and (
            found is None or self.slowest_s * 1000 > found["duration_ms"]
        ):
            return _written(self, self.slowest)
        return found

    def note(self, sql: Any, database: str, started: float, ended: float) -> None:
        """Keep a statement at the light level."""
        kept = self.statements
        if len(kept) < MOST_KEPT:
            kept.append((sql, database, started, ended))
        else:
            self.dropped += 1
            self.dropped_s += ended - started
        took = ended - started
        if took > self.slowest_s:
            self.slowest_s = took
            self.slowest = sql, database, started, ended
            if took > SITE_S or ended - self.started > LATE_S:
                self.slowest_site = next(iter(_sites.application_stack(1)), None)
            else:
                self.slowest_site = None

    def add(self, part: str, item: Any) -> None:
        """Keep one of the parts of a kind, such as a call of a cache."""
        kept = self.parts.setdefault(part, [])
        if len(kept) < MOST_KEPT or is_sent():
            kept.append(item)
        else:
            self.dropped_parts += 1

    def finish(self) -> None:
        """Send the request; what comes later belongs to no request."""
        if self.closed:
            return
        self.closed = True
        self.duration_ms = (time.perf_counter() - self.started) * 1000
        self.cpu_ms = max(self.cpu_clock() - self.cpu_started, 0.0) * 1000
        if is_sent():
            _wire.send_line(self.line())
        if _finished:
            _tell(_finished, self)

    def line(self) -> bytes:
        """The request as one line of JSON."""
        fields = {
            "type": "request",
            "id": self.id,
            "method": self.method,
            "path": self.path,
            "route": self.route or self.path.partition("?")[0],
            "status": self.status,
            "duration_ms": self.duration_ms,
            "cpu_ms": self.cpu_ms,
            "response_bytes": self.response_bytes,
            "content_type": self.content_type,
            "content_encoding": self.content_encoding,
            "error": self.error,
            "blocked": self.blocked,
            "view": self.view,
            **self.parts,
        }
        return _encode.request(fields, self.queries)


inside: ContextVar[bool] = ContextVar("unslow_inside", default=False)

_current: ContextVar[RequestRecord | None] = ContextVar("unslow_request", default=None)
_ground: RequestRecord | None = None

detailed = False  # more is wanted of a statement than its text and its times

_LEVELS: tuple[Level, ...] = ("off", "light", "full")
_level: Level = "off"
_asked: Level = "off"  # by the lab, for what is sent to it
_key = b""

Listener = Callable[[RequestRecord], None]
_started: tuple[Listener, ...] = ()
_finished: tuple[Listener, ...] = ()


def configure(level: str, token: str) -> None:
    """Set the level of detail, and the key of the parameters' digests."""
    global _level, _asked, _key, detailed
    _level = _asked = "light" if level == "light" else "full" if level == "full" else "off"
    detailed = _level != "off"
    _key = blake2b(token.encode(), digest_size=32).digest()


def raise_to(level: Level) -> bool:
    """Record at least so much, for the application itself; False if that is done already."""
    global _level, detailed
    if _LEVELS.index(level) <= _LEVELS.index(_level):
        return False
    _level = level
    detailed = detailed or level == "full"
    return True


def level() -> Level:
    return _level


def is_sent() -> bool:
    """Tell whether the lab wants to know of requests."""
    return _asked != "off" and _wire.is_open()


def listen(listener: Listener, *, begin: bool = False) -> Callable[[], None]:
    """Call this when a request ends, or when it begins; returns what undoes it."""
    global _started, _finished
    if begin:
        _started = (*_started, listener)
    else:
        _finished = (*_finished, listener)

    def remove() -> None:
        global _started, _finished
        if begin:
            _started = tuple(one for one in _started if one is not listener)
        else:
            _finished = tuple(one for one in _finished if one is not listener)

    return remove


def begin(record: RequestRecord) -> RequestRecord | None:
    """`enter` a record that is new, and tell those who wait for one."""
    before = enter(record)
    if _started:
        _tell(_started, record)
    return before


def noted() -> RequestRecord | None:
    """The request to note a statement for; None within a statement that is noted further out."""
    if inside.get():
        return None
    record = _current.get()
    return _ground if record is None or record.closed else record


def _tell(listeners: tuple[Listener, ...], record: RequestRecord) -> None:
    for listener in listeners:
        try:
            listener(record)
        except Exception as problem:  # noqa: BLE001
            _wire.error(problem)


def current() -> RequestRecord | None:
    """The request that runs here, followed into tasks and threads; None when it has ended."""
    record = _current.get()
    return _ground if record is None or record.closed else record


def is_in_request() -> bool:
    """Tell whether a request runs here, and not only the ground below all requests."""
    record = current()
    return record is not None and record is not _ground and not record.returned


def set_ground(record: RequestRecord | None) -> None:
    """Let what belongs to no request belong to this record: while a test runs, in all threads."""
    global _ground
    _ground = record


def request_id() -> str:
    """The request that this belongs to, ended or not; "" outside of all."""
    record = _current.get()
    if record is not None:
        return record.id
    return getattr(threading.current_thread(), THREAD_MARK, "")


def enter(record: RequestRecord) -> RequestRecord | None:
    """Make this the request of the running context; returns the one to give back to `leave`."""
    before = _current.get()
    _current.set(record)
    return before


def leave(before: RequestRecord | None) -> None:
    """Undo `enter`, also from another context (a body closed in another thread)."""
    _current.set(None if before is not None and before.closed else before)


def add_query(
    *,
    sql: str,
    parameters: Any,
    started: float,
    duration: float,
    rows: int | None,
    database: str,
    load: dict[str, Any] | None = None,
    through: Iterable[str] = (),
    batch: int = 1,
) -> Query | None:
    """Record a statement of the current request, and return it; None outside a request.

    `started` and `duration` are `time.perf_counter()` seconds. `parameters` are those of the
    driver: a sequence, a mapping, or None.
    """
    record = current()
    if record is None or _level == "off":
        return None
    if not detailed:
        record.note(sql, database, started, started + duration)
        return None
    if len(record._queries) >= MOST_KEPT and not is_sent():
        record.dropped += 1
        record.dropped_s += duration
        return None
    shape = _shape.shape(sql)
    full = _level == "full"
    values = _literals(sql, parameters) if full else None
    query = Query(
        sql=sql if full else shape,
        shape=shape,
        fingerprint=_shape.fingerprint(shape),
        start_ms=(started - record.started) * 1000,
        duration_ms=duration * 1000,
        kind=_shape.kind(shape),
        rows=rows,
        parameters=values,
        parameters_digest=_digest(values),
        database=database,
        stack=_sites.application_stack() if full else [],
        through=list(through),
        load=load,
        batch=batch,
    )
    record.queries.append(query)
    return query


def _written(record: RequestRecord, statement: Statement) -> Query:
    sql, database, started, ended = statement
    shape = _shape.shape(_text(sql))
    site = record.slowest_site if statement == record.slowest else None
    return Query(
        sql=shape,
        shape=shape,
        fingerprint=_shape.fingerprint(shape),
        start_ms=(started - record.started) * 1000,
        duration_ms=(ended - started) * 1000,
        kind=_shape.kind(shape),
        rows=None,
        parameters=None,
        parameters_digest="",
        database=database,
        stack=[site] if site is not None else [],
        through=[],
        load=None,
        batch=1,
    )


def _text(sql: Any) -> str:
    """psycopg's compositions know how they are written."""
    as_string = getattr(sql, "as_string", str)
    return str(as_string(None) if as_string is not str else sql)


def _literals(sql: str, parameters: Any) -> list[str] | None:
    try:
        return literals(sql, parameters)
    except Exception as problem:  # noqa: BLE001
        _wire.error(problem)
        return None


def _digest(values: list[str] | None) -> str:
    if not values:
        return ""
    text = "\x00".join(values).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=8, key=_key).hexdigest()


def from_environment() -> None:
    """Configure the recorder from the variables that the lab sets."""
    environ = os.environ
    _wire.configure(environ.get("UNSLOW_SOCKET", ""))
    configure(environ.get("UNSLOW_LEVEL", "off"), environ.get("UNSLOW_TOKEN", ""))
    _sites.configure(
        environ.get("UNSLOW_ROOTS", "").split(os.pathsep),
        environ.get("UNSLOW_PACKAGES", "").split(","),
    )
