"""What the load generator's process is told, and what it answers: one JSON line each."""

import msgspec

NO_CONNECTION = "no connection was free"


class Ask(msgspec.Struct, frozen=True, array_like=True):
    """A request as it goes over the wire."""

    raw: bytes
    safe: bool = True
    head: bool = False


class Job(msgspec.Struct, frozen=True):
    """A load. `order` holds positions in `asks`.

    Open: request k of `order` is due at `due[k]` seconds, whatever became of those before it.
    Closed (`due` is empty): `lines` connections send one after the other, for `seconds`.
    """

    host: str
    port: int
    asks: tuple[Ask, ...]
    order: tuple[int, ...]
    lines: int
    timeout_s: float
    due: tuple[float, ...] = ()
    seconds: float = 0.0


class Done(msgspec.Struct, frozen=True):
    """What came of it. The four lists have an entry per request, in the order of their ends.

    `latency_ms` runs from the intended start of an open load, from the send of a closed one;
    `lag_ms` is send time minus intended time; a `status` of 0 is no answer, which `error` explains
    for the first. `rate` is the throughput of a closed load. `cpu_s` is the generator's own.
    """

    pick: list[int] = []
    latency_ms: list[float] = []
    lag_ms: list[float] = []
    status: list[int] = []
    error: str = ""
    rate: float = 0.0
    seconds: float = 0.0
    cpu_s: float = 0.0
