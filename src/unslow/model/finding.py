"""A cost with its cause: what a detector says."""

from typing import Literal

import msgspec

from unslow.model.growth import GrowthClass, GrowthCounter
from unslow.model.site import Site
from unslow.model.trace import Load, Server

Severity = Literal["high", "medium", "low"]
Confidence = Literal["certain", "likely", "possible"]


class Cost(msgspec.Struct, frozen=True):
    """What the finding costs now. `share` is its part of all traffic's time, 0 to 1."""

    queries_per_request: float
    ms_per_request: float
    share: float


class RepeatedLoad(msgspec.Struct, frozen=True):
    """One query shape that ran again and again within a request.

    `repeats` is the median per request. `load` is one representative, its origin included;
    `relation_path` is the whole path to load from the origin's rows (`("customer", "company")`).
    `uses` are the expressions that set it off, `through` what lies between (serializer fields,
    template lines).
    """

    shape: str
    fingerprint: str
    repeats: float
    load: Load | None = None
    relation_path: tuple[str, ...] = ()
    uses: tuple[Site, ...] = ()
    through: tuple[str, ...] = ()
    example_sql: str = ""


class RepeatEvidence(msgspec.Struct, frozen=True, tag="repeat"):
    """The repeated loads that one expression causes, costliest first."""

    loads: tuple[RepeatedLoad, ...]


class IndexEvidence(msgspec.Struct, frozen=True, tag="index"):
    """A scan or sort that an index would spare.

    Columns are names in `table`; `equality`, `ranges` and `order` (`-` prefix: descending) are in
    the order that a composite index wants. `included` are the further columns that are read, where
    they are few and many rows want them. `predicate` is a constant condition worth a partial index
    ("status = 'pending'"), or "".
    """

    shape: str
    table: str
    equality: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    predicate: str = ""
    model: str = ""
    rows_read: int = 0
    rows_used: int = 0
    example_sql: str = ""
    included: tuple[str, ...] = ()


class CacheEvidence(msgspec.Struct, frozen=True, tag="cache"):
    """Round trips to a cache of one kind from one place.

    `key` is the keys' shape (`user:*:profile`), `calls` the median per request, `bytes` the median
    size of one value, `ttl_s` the longest time that a value is kept (None: for good, or no write).
    """

    command: str
    key: str
    calls: float
    bytes: int = 0
    ttl_s: float | None = None
    uses: tuple[Site, ...] = ()


class PlanEvidence(msgspec.Struct, frozen=True, tag="plan"):
    """A statement that reads more than it returns, and what else would do.

    `reason` says why it has to, as it is written; `advice` is what a person should do, `reference`
    the SQL of it where there is one. Rows are of one execution.
    """

    shape: str
    table: str
    reason: str
    advice: str
    reference: str = ""
    rows_read: int = 0
    rows_used: int = 0
    example_sql: str = ""


class EncodingEvidence(msgspec.Struct, frozen=True, tag="encoding"):
    """How the response is made: by whom (`kind`), for how many rows, in how many ms a request.

    `name` is the serializer's class or the view; all numbers are medians.
    """

    kind: str
    name: str
    items: int
    ms: float


class PayloadEvidence(msgspec.Struct, frozen=True, tag="payload"):
    """A long response: its median size, its kind, and how many were seen."""

    bytes: int
    content_type: str
    requests: int


class ReadEvidence(msgspec.Struct, frozen=True, tag="read"):
    """A statement whose answer is the same for many requests: `ms` each time, `requests` of them.

    `writers` are the endpoints that were seen to write its tables.
    """

    shape: str
    tables: tuple[str, ...]
    ms: float
    requests: int
    rows: int = 0
    writers: tuple[str, ...] = ()
    example_sql: str = ""


class SettingEvidence(msgspec.Struct, frozen=True, tag="setting"):
    """A setting that costs: its name and value now, and what it decides in this application.

    `calls` is how often a request pays for it and `ms` how long each time, both medians.
    """

    name: str
    value: str
    about: str = ""
    calls: float = 0.0
    ms: float = 0.0
    threaded: bool = True


class AllowanceEvidence(msgspec.Struct, frozen=True, tag="allowance"):
    """A comment that allows `rules` and no longer should. `until` is the date as written, or ""."""

    rules: tuple[str, ...]
    reason: str = ""
    until: str = ""


class RowsEvidence(msgspec.Struct, frozen=True, tag="rows"):
    """Rows that were read, and what the application wanted of them.

    `query` is the expression that gives the rows, `use` the one that works on them. `rows` is the
    median per request. `fields` are the attributes that are read of a row, `unused` the columns
    that nothing reads; `relation` is an eager load that nothing touches.
    """

    orm: Literal["django", "sqlalchemy"]
    model: str
    query: Site | None
    use: Site | None
    rows: float
    fields: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    relation: str = ""
    shape: str = ""
    example_sql: str = ""


class WriteEvidence(msgspec.Struct, frozen=True, tag="write"):
    """Rows that one expression writes one by one.

    `writes` is the median per request. `stack` are the application frames, innermost first, `loop`
    is what runs over the rows. `others` are further models or tables that the expression writes.
    `rereads` tells that the table was read between the writes.
    """

    operation: Literal["insert", "update", "delete"]
    orm: Literal["django", "sqlalchemy", ""]
    model: str
    writes: float
    stack: tuple[Site, ...] = ()
    loop: Site | None = None
    others: tuple[str, ...] = ()
    rereads: bool = False
    shape: str = ""
    example_sql: str = ""


class WaitEvidence(msgspec.Struct, frozen=True, tag="wait"):
    """Waiting that an expression causes.

    `call` is what waits (`time.sleep`) or is asked (`GET rates.example/rates/*`), `calls` how often
    and `ms` how long, in the median request. `uses` are the expressions that belong together, in
    their order. `cookies` tells that answers set some, which a shared client would keep.
    """

    call: str
    calls: float
    ms: float
    uses: tuple[Site, ...] = ()
    cookies: bool = False


class GrowthEvidence(msgspec.Struct, frozen=True, tag="growth"):
    """A counter of one statement at each size of the data, and its predicted values.

    `reason` says why no edit is written; `advice` is what a person should do.
    """

    counter: GrowthCounter
    growth: GrowthClass
    sizes: tuple[int, ...]
    values: tuple[float, ...]
    at_10: float
    at_100: float
    reason: str
    advice: str
    shape: str
    example_sql: str = ""


class ServerEvidence(msgspec.Struct, frozen=True, tag="server"):
    """What serves the application, and the share of its requests' time that they wait."""

    server: Server
    waiting_share: float


class ImportEvidence(msgspec.Struct, frozen=True, tag="import"):
    """A module whose import takes `ms` of each start."""

    module: str
    ms: float


class RenderEvidence(msgspec.Struct, frozen=True, tag="render"):
    """A template that is rendered `times` in the median request, which takes `ms`."""

    template: str
    times: float
    ms: float
    uses: tuple[Site, ...] = ()


class SampleEvidence(msgspec.Struct, frozen=True, tag="samples"):
    """`share` of the `looks` at an endpoint's requests found them in `function`'s own code."""

    function: str
    looks: int
    share: float
    lines: tuple[Site, ...] = ()


Evidence = (
    RepeatEvidence
    | IndexEvidence
    | CacheEvidence
    | EncodingEvidence
    | SettingEvidence
    | ReadEvidence
    | PayloadEvidence
    | AllowanceEvidence
    | RowsEvidence
    | WriteEvidence
    | WaitEvidence
    | PlanEvidence
    | GrowthEvidence
    | ServerEvidence
    | ImportEvidence
    | RenderEvidence
    | SampleEvidence
)


class Finding(msgspec.Struct, frozen=True):
    """A fact, a number, a place. `id` is the detector's name; `endpoints` are `METHOD route`."""

    id: str
    title: str
    severity: Severity
    confidence: Confidence
    endpoints: tuple[str, ...]
    cause: Site | None
    symptom: Site | None
    evidence: Evidence
    cost: Cost
