"""What was seen while the application ran: requests, their queries, and where each came from."""

from typing import Literal

import msgspec

from unslow.model.growth import EndpointGrowth
from unslow.model.schema import Model, Table
from unslow.model.site import Site

SCHEMA_VERSION = 1

LoadKind = Literal[
    "select",  # rows of a queryset or statement
    "get",  # one row by .get()/.first()/session.get()
    "forward",  # lazy foreign key or one-to-one, also reverse one-to-one
    "reverse",  # rows of a related manager or lazy collection, many-to-many included
    "generic",  # a generic relation, either way
    "deferred",  # a deferred or expired column
    "count",
    "exists",
    "aggregate",
    "prefetch",  # an eager load's second query (prefetch_related, selectinload)
    "write",
]


class Link(msgspec.Struct, frozen=True):
    """One step in building a queryset or statement.

    `operation` is the method that made it (`filter`, `all`, `select`, `__getitem__`, ...);
    `stack` holds the application frames at that moment, innermost first. `direct` tells that
    `stack[0]` itself called the operation on something of its own, not library code that it had
    called (a paginator, a generic view, a template), nor on a queryset that it was given as an
    argument (a filter, a scope). `manager_frames` is how many of the innermost frames are methods
    of a manager or queryset (their first argument is one), so that their caller is the real place.
    """

    operation: str
    stack: tuple[Site, ...] = ()
    direct: bool = True
    manager_frames: int = 0


class Origin(msgspec.Struct, frozen=True):
    """The queryset or statement that produced an instance.

    `path` leads from its rows to the instance: `("customer",)` when the instance is the lazily or
    eagerly loaded `order.customer` of an `Order` queryset. `terminal` is how it was consumed
    (`iterate`, `get`, `first`, `scalars`, ...). `id` is stable for one call site chain.
    """

    id: str
    model: str
    links: tuple[Link, ...] = ()
    path: tuple[str, ...] = ()
    terminal: str = ""
    select_related: tuple[str, ...] = ()
    prefetch_related: tuple[str, ...] = ()


class Load(msgspec.Struct, frozen=True):
    """What an ORM query was for.

    `model` is the loaded model, `parent` the model of the instance it was loaded for, `relation`
    the attribute read on it. `origin` produced the parent instance, `queryset` is this query's own
    chain. `plain` tells that a related manager was read as it is (`.all()`), so that a prefetch
    serves it. `parent_key` is a digest of the parent's primary key; `None` without a parent.
    """

    kind: LoadKind
    orm: Literal["django", "sqlalchemy"]
    model: str = ""
    parent: str = ""
    relation: str = ""
    origin: Origin | None = None
    queryset: Origin | None = None
    plain: bool = False
    parent_key: str | None = None


class Query(msgspec.Struct, frozen=True):
    """One statement as the driver saw it.

    `sql` keeps its placeholders. `shape` has every literal and placeholder replaced by `?` and IN
    lists collapsed. `parameters` are PostgreSQL-readable literals, present only in memory and in
    traces saved with parameters. `parameters_digest` is keyed per run: equal means equal values.
    `stack` holds application frames, innermost first; `through` names what lies between them when
    the near frames are a library's: serializer fields, template name and line. `batch` is how many
    sets of values were sent to be executed one after another (`executemany`).
    """

    sql: str
    shape: str
    fingerprint: str
    start_ms: float
    duration_ms: float
    kind: Literal["select", "insert", "update", "delete", "other"] = "select"
    rows: int | None = None
    parameters: tuple[str, ...] | None = None
    parameters_digest: str = ""
    database: str = ""
    stack: tuple[Site, ...] = ()
    through: tuple[str, ...] = ()
    load: Load | None = None
    batch: int = 1


class CacheCall(msgspec.Struct, frozen=True):
    """One round trip to a cache: a command, or the `commands` of one pipeline.

    `key` is the first key's shape (`user:*:profile`), `key_digest` is equal for equal keys, `keys`
    counts those that are named. `hit` tells whether a read found something; `ttl_s` is how long a
    write is kept, None for good or where it is no write. `bytes` is the size of what was written,
    or of what came back. `stack` holds application frames, innermost first.
    """

    command: str
    key: str = ""
    key_digest: str = ""
    keys: int = 1
    commands: int = 1
    start_ms: float = 0.0
    duration_ms: float = 0.0
    bytes: int = 0
    hit: bool | None = None
    ttl_s: float | None = None
    writes: bool = False
    stack: tuple[Site, ...] = ()


class HttpCall(msgspec.Struct, frozen=True):
    """One call to another service.

    `path` is its shape, `digest` equal for equal calls. `timeout_s` is how long an answer is waited
    for, None without a limit. `blocking` tells that an event loop stood still meanwhile, `cookies`
    that the answer set some. `library` is `httpx`, `httpx-async`, `requests`, `urllib` and so on.
    """

    library: str
    method: str
    host: str
    path: str = "/"
    digest: str = ""
    start_ms: float = 0.0
    duration_ms: float = 0.0
    status: int = 0
    timeout_s: float | None = None
    blocking: bool = False
    cookies: bool = False
    stack: tuple[Site, ...] = ()


class Built(msgspec.Struct, frozen=True):
    """A client (`httpx.AsyncClient`) that was made within a request."""

    what: str
    start_ms: float = 0.0
    duration_ms: float = 0.0
    stack: tuple[Site, ...] = ()


class Compiled(msgspec.Struct, frozen=True):
    """What a request built out of its description at one place: patterns, templates, models.

    `what` is the class that it makes (`re.Pattern`), `digest` is equal for equal descriptions,
    `times` counts them, and `duration_ms` is for all. What a library has in its cache is not here.
    """

    what: str
    digest: str = ""
    times: int = 1
    duration_ms: float = 0.0
    stack: tuple[Site, ...] = ()


class Block(msgspec.Struct, frozen=True):
    """A stretch in which the event loop could not run anything else.

    `duration_ms` leaves out what the thread waited for a processor. `waited_ms` of it the thread
    did not run either: it slept, or waited for data. `call` is the innermost function, a library's
    as a rule.
    """

    start_ms: float
    duration_ms: float
    waited_ms: float
    call: str = ""
    stack: tuple[Site, ...] = ()


class Encoding(msgspec.Struct, frozen=True):
    """What a request spent on making its response out of its data, without its queries.

    `kind` tells who did it: a serializer of Django REST framework, FastAPI's encoder in Python, or
    a response model. `name` is the serializer's class or the view, `items` the rows. `site` is the
    list of the serializer's fields, or what the view returns.
    """

    kind: Literal["serializer", "encoder", "response model"]
    name: str
    items: int = 1
    duration_ms: float = 0.0
    site: Site | None = None


class Transaction(msgspec.Struct, frozen=True):
    """A transaction that a request began and ended. `database` is the name its queries have."""

    database: str
    start_ms: float
    duration_ms: float


class Opened(msgspec.Struct, frozen=True):
    """A database connection that a request had to open.

    `database` is the name that its queries have, `kind` the setting or the pool's class that
    decides (`CONN_MAX_AGE=0`, `NullPool`); `threaded` tells a WSGI server. `site` is where the
    database is set up: its dictionary in the settings, or the call that makes the engine.
    """

    database: str
    kind: str
    start_ms: float = 0.0
    duration_ms: float = 0.0
    threaded: bool = True
    site: Site | None = None


class Render(msgspec.Struct, frozen=True):
    """A template that application code rendered by itself, `times` from one place.

    Templates that it includes are part of it.
    """

    template: str
    times: int
    duration_ms: float
    stack: tuple[Site, ...] = ()


class Sample(msgspec.Struct, frozen=True):
    """Looks at a request that found it in one application function, doing `site` itself.

    Own code alone: a look that found it in a library, a driver or waiting counts for nobody.
    """

    site: Site
    count: int


class Checkout(msgspec.Struct, frozen=True):
    """A connection that a request took from a pool of `capacity`, after `waited_ms`.

    `site` is the call that makes the engine.
    """

    database: str
    kind: str
    capacity: int
    waited_ms: float = 0.0
    threaded: bool = True
    site: Site | None = None


class Switch(msgspec.Struct, frozen=True):
    """A switch for debugging that was on: Django's `DEBUG`, an engine's `echo`.

    `site` is where it is written: the value in the settings, or the call that makes the engine.
    """

    name: str
    value: str
    site: Site | None = None


class Request(msgspec.Struct, frozen=True):
    """One request. `route` is the template (`api/orders/<int:pk>/`), `path` the URL as sent."""

    id: str
    method: str
    path: str
    route: str
    status: int
    duration_ms: float
    cpu_ms: float = 0.0
    response_bytes: int = 0
    queries: tuple[Query, ...] = ()
    error: str = ""
    blocked: tuple[str, ...] = ()  # hosts that the sandbox refused to reach
    view: Site | None = None
    cache_calls: tuple[CacheCall, ...] = ()
    renders: tuple[Render, ...] = ()
    samples: tuple[Sample, ...] = ()
    looks: int = 0  # how often the sampler looked at the request
    encodings: tuple[Encoding, ...] = ()
    connections: tuple[Opened, ...] = ()
    checkouts: tuple[Checkout, ...] = ()
    switches: tuple[Switch, ...] = ()
    content_type: str = ""
    content_encoding: str = ""  # "negotiated" where something would compress it if asked
    http_calls: tuple[HttpCall, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    built: tuple[Built, ...] = ()
    compiled: tuple[Compiled, ...] = ()
    blocks: tuple[Block, ...] = ()

    @property
    def endpoint(self) -> str:
        return f"{self.method} {self.route}"


class PlanNode(msgspec.Struct, frozen=True):
    """One node of EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON).

    Rows and times (in ms) are totals over all loops; `alias` is the table's name in the statement.
    """

    node: str
    table: str = ""
    alias: str = ""
    index: str = ""
    condition: str = ""  # Index Cond, Recheck Cond, Hash Cond, Merge Cond
    filter: str = ""
    sort_key: tuple[str, ...] = ()
    rows: int = 0
    rows_removed: int = 0
    loops: int = 1
    ms: float = 0.0
    self_ms: float = 0.0
    buffers: int = 0
    children: tuple["PlanNode", ...] = ()


class Plan(msgspec.Struct, frozen=True):
    """The executed plan of one query shape, with the parameters of its costliest execution."""

    fingerprint: str
    sql: str
    total_ms: float
    root: PlanNode


class RouteParam(msgspec.Struct, frozen=True):
    """A parameter of a route. `type` is a Django converter or a JSON Schema type/format."""

    name: str
    location: Literal["path", "query", "body", "header"]
    type: str = "str"
    required: bool = False
    default: str = ""
    choices: tuple[str, ...] = ()
    model: str = ""  # label of the model whose `field` the value is looked up in, where known
    field: str = ""


class Route(msgspec.Struct, frozen=True):
    """An endpoint that the application declares."""

    method: str
    route: str
    params: tuple[RouteParam, ...] = ()
    view: str = ""
    site: Site | None = None
    model: str = ""
    body_schema: str = ""  # JSON Schema text of the request body, where the framework has one
    requires_login: bool | None = None


class Server(msgspec.Struct, frozen=True):
    """What serves the application. `worker` is gunicorn's worker class, or "asgi", "wsgi"."""

    name: str
    worker: str = ""
    workers: int = 1
    threads: int = 1
    cores: int = 0


class Import(msgspec.Struct, frozen=True):
    """A module that an application module imports at start-up; `ms` with all that it imports.

    `others` are later imports of its package by application modules; `is_shared` tells that
    another library imports it as well.
    """

    module: str
    ms: float
    site: Site | None = None
    others: tuple[Site, ...] = ()
    is_shared: bool = False


class Trace(msgspec.Struct, frozen=True):
    """A whole observed run. Requests are in the order in which they ended."""

    schema: int
    unslow: str
    kind: str  # "django", "fastapi", "starlette", "flask", "wsgi" or "asgi"
    framework: str
    database: str
    roots: tuple[str, ...]
    requests: tuple[Request, ...] = ()
    routes: tuple[Route, ...] = ()
    models: tuple[Model, ...] = ()
    tables: tuple[Table, ...] = ()
    plans: tuple[Plan, ...] = ()
    python: str = ""  # the version that runs the application
    extensions: tuple[str, ...] = ()  # that the PostgreSQL server has, installed or not
    growth: tuple[EndpointGrowth, ...] = ()  # of the endpoints, where the data was grown
    server: Server | None = None
    imports: tuple[Import, ...] = ()  # the slow ones
