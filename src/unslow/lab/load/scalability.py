"""The Universal Scalability Law: what throughput at a few concurrency levels says of the rest.

Gunther, Guerrilla Capacity Planning, 2007: X(N) = lambda N / (1 + sigma (N-1) + kappa N (N-1)).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

RESAMPLES = 400
CONFIDENCE = 0.95
LEAST_COHERENCY = 1e-7  # below it the highest throughput lies beyond any concurrency
NOTHING = 1e-9  # what the solver leaves of a parameter that is zero
FEWEST_LEVELS = 3  # as many as there are parameters

Rates = Mapping[int, float]  # concurrency -> requests per second


@dataclass(frozen=True)
class Law:
    """`scale` is lambda, `contention` sigma, `coherency` kappa."""

    scale: float
    contention: float
    coherency: float

    def rate(self, concurrency: float) -> float:
        more = concurrency - 1
        return (
            self.scale
            * concurrency
            / (1 + self.contention * more + self.coherency * concurrency * more)
        )

    @property
    def peak(self) -> float | None:
        """The concurrency of the highest throughput; None for a curve that rises for ever."""
        if self.coherency < LEAST_COHERENCY:
            return None
        return max(1.0, math.sqrt(max(0.0, 1 - self.contention) / self.coherency))

    @property
    def peak_rate(self) -> float | None:
        """The highest throughput; for a curve without a peak what it comes ever nearer to."""
        if self.peak is not None:
            return self.rate(self.peak)
        return self.scale / self.contention if self.contention > 0 else None


def fit(rates: Rates) -> Law | None:
    """The law nearest to the points by relative error; None below three levels.

    N/X is linear in (1/lambda, sigma/lambda, kappa/lambda): non-negative least squares on that
    gives the start, which is exact for exact points.
    """
    from scipy.optimize import least_squares, nnls  # type: ignore[import-untyped]

    points = [(float(n), x) for n, x in sorted(rates.items()) if x > 0]
    if len(points) < FEWEST_LEVELS:
        return None
    # Each row is divided by its own N/X, so that the errors are relative.
    rows = [[x / n, x / n * (n - 1), x / n * n * (n - 1)] for n, x in points]
    (constant, linear, square), _ = nnls(rows, [1.0] * len(rows))
    if constant <= 0:
        constant = 1 / max(x / n for n, x in points)
    start = Law(1 / constant, linear / constant, square / constant)

    def errors(values: Sequence[float]) -> list[float]:
        law = _law(values)
        return [math.log(law.rate(n) / x) for n, x in points]

    found = least_squares(
        errors,
        [math.log(start.scale), start.contention, start.coherency],
        bounds=([-math.inf, 0, 0], [math.inf, math.inf, math.inf]),
        x_scale=[1.0, 0.1, 0.01],
        xtol=1e-12,
        ftol=1e-12,
        gtol=1e-12,
    )
    return _law([float(value) for value in found.x])


def _law(values: Sequence[float]) -> Law:
    contention, coherency = (value if value > NOTHING else 0.0 for value in values[1:])
    return Law(math.exp(values[0]), contention, coherency)


def resampled(launches: Sequence[Rates], seed: int) -> list[Law]:
    """Fits of `RESAMPLES` bootstrap samples, whole launches drawn with replacement."""
    if len(launches) < 2:
        return []
    random = Random(seed)
    draws = (random.choices(launches, k=len(launches)) for _ in range(RESAMPLES))
    return [law for draw in draws if (law := fit(mean_rates(draw))) is not None]


def mean_rates(launches: Sequence[Rates]) -> dict[int, float]:
    """The mean throughput per level."""
    levels = sorted({level for one in launches for level in one})
    return {
        level: math.fsum(one[level] for one in launches if level in one)
        / sum(level in one for one in launches)
        for level in levels
    }
