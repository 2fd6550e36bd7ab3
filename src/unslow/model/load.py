"""What a load test says: latency at a fixed arrival rate, throughput over concurrency levels."""

from typing import Literal

import msgspec

from unslow.model.interval import Interval


class QuantileEffect(msgspec.Struct, frozen=True):
    """One latency quantile of both versions: milliseconds from the intended start, the median
    over the launches, and before/after with its interval over launch pairs."""

    quantile: float  # 0.95 is p95
    before_ms: float
    after_ms: float
    speedup: Interval | None = None
    evidence: float = 0.0


class LatencyEffect(msgspec.Struct, frozen=True):
    """The latencies of one endpoint under the load; `endpoint` is empty for all of the traffic."""

    endpoint: str
    requests: int
    quantiles: tuple[QuantileEffect, ...]


class Estimate(msgspec.Struct, frozen=True):
    """A fitted number with its bootstrap interval; None without one."""

    value: float
    low: float | None = None
    high: float | None = None


class CapacityPoint(msgspec.Struct, frozen=True):
    """Requests per second at one concurrency, a number per launch."""

    concurrency: int
    rates: tuple[float, ...]


class CapacityCurve(msgspec.Struct, frozen=True):
    """The Universal Scalability Law X(N) = lambda N / (1 + sigma (N-1) + kappa N (N-1)).

    `scale` is lambda: requests per second of one connection. `contention` is sigma, `coherency`
    is kappa. `peak` is the concurrency of the highest throughput, None where the curve has none.
    """

    points: tuple[CapacityPoint, ...]
    scale: Estimate | None = None
    contention: Estimate | None = None
    coherency: Estimate | None = None
    peak: Estimate | None = None
    peak_rate: Estimate | None = None


class Capacity(msgspec.Struct, frozen=True):
    before: CapacityCurve
    after: CapacityCurve
    confidence: float = 0.95  # of the curves' intervals


class GeneratorCheck(msgspec.Struct, frozen=True):
    """Whether the load generator kept up. `bottleneck` says why it did not; empty when it did.

    `ceiling` is the rate that it reached against a server that does nothing, `lag_ms` the 95th
    percentile of send time minus intended time, `cpu_share` its own CPU as a share of one core.
    """

    ceiling: float
    lag_ms: float
    cpu_share: float
    bottleneck: str = ""


class UnderLoad(msgspec.Struct, frozen=True):
    """A proof under load. `rate` is in requests per second, the same for both versions, as a
    share of what the version before can serve; both are zero for a throughput claim."""

    kind: Literal["latency", "throughput"]
    generator: GeneratorCheck
    rate: float = 0.0
    share: float = 0.0
    latencies: tuple[LatencyEffect, ...] = ()
    capacity: Capacity | None = None
