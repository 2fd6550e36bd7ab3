"""A request that can be sent again, and the list of them that stands for the traffic."""

from collections.abc import Mapping

import msgspec

from unslow.model import Skipped

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Call(msgspec.Struct, frozen=True):
    """One request. `endpoint` is `METHOD route`; `weight` is its part of the traffic.

    `expected` is the status that it must be answered with, 0 where any good one will do.
    """

    method: str
    path: str
    endpoint: str
    headers: dict[str, str] = {}
    body: bytes | None = None
    weight: float = 1.0
    expected: int = 0

    @property
    def writes(self) -> bool:
        return self.method not in SAFE_METHODS

    def signed(self, headers: Mapping[str, str]) -> "Call":
        """The call with further headers, such as those of a session; they win over its own."""
        if not headers:
            return self
        return msgspec.structs.replace(self, headers={**self.headers, **headers})


class Workload(msgspec.Struct, frozen=True):
    """The calls to measure, others of the same endpoints held out for replication, and the rest.

    `compared` are further calls whose answers are compared once and never measured: other rows,
    pages and filters, what does not exist, and writes on other rows.
    """

    calls: tuple[Call, ...]
    held_out: tuple[Call, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    compared: tuple[Call, ...] = ()

    @property
    def endpoints(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(call.endpoint for call in self.calls))
