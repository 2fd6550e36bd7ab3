"""The growth class of a counter: least squares over what it may follow."""

import math
from collections.abc import Callable, Mapping, Sequence

from unslow.model.growth import Fit, GrowthClass

CONSTANT_SHARE = 0.1  # of the largest value: a difference that small is no growth
CONSTANT_UNITS = 0.5
SIMPLER_BY = 0.02  # of the range: what a simpler candidate may leave more than the best
BELOW_ZERO = 0.05  # of the range: a cost is not negative when there are no rows

CANDIDATES: Mapping[GrowthClass, Callable[[float], float]] = {
    "logarithmic": math.log,
    "linear": float,
    "quadratic": lambda size: size**2,
}


def fit(sizes: Sequence[int], values: Sequence[float]) -> Fit:
    """The candidate with the least residual; of two that are as good, the slower one.

    What is the same at the two largest sizes has reached a limit, and is constant from there on.
    What has grown less than the data does not grow with their square.
    `sizes` are three or more different multiples of the rows that there are now.
    """
    for tail in (values, values[-2:], (values[0], values[-1])):
        if _is_constant(tail):
            last = round(values[-1], 2)
            return Fit("constant", last, 0.0, _flat(tail), {"constant": _flat(values)}, last, last)
    spread = max(values) - min(values)
    lines = {name: _line([f(one) for one in sizes], values) for name, f in CANDIDATES.items()}
    residuals: dict[str, float] = {"constant": _flat(values)}
    for name, (intercept, slope) in lines.items():
        found = [intercept + slope * CANDIDATES[name](one) for one in sizes]
        residuals[name] = _residual(found, values)
    rising = [name for name, (_, slope) in lines.items() if slope > 0]
    if not rising:
        last = round(values[-1], 2)
        return Fit("constant", last, 0.0, residuals["constant"], residuals, last, last)
    if values[-1] < values[0] * sizes[-1] / sizes[0] and rising != ["quadratic"]:
        rising = [name for name in rising if name != "quadratic"]  # it has grown less than the data
    fitting = [name for name in rising if lines[name][0] >= -BELOW_ZERO * spread] or rising
    least = min(residuals[name] for name in fitting)
    chosen = next(name for name in fitting if residuals[name] <= least + SIMPLER_BY)
    intercept, slope = lines[chosen]

    def at(size: float) -> float:
        return round(max(0.0, intercept + slope * CANDIDATES[chosen](size)), 1)

    return Fit(
        chosen,
        round(intercept, 4),
        round(slope, 6),
        residuals[chosen],
        residuals,
        at(10),
        at(100),
    )


def _is_constant(values: Sequence[float]) -> bool:
    spread = max(values) - min(values)
    return spread <= max(CONSTANT_UNITS, CONSTANT_SHARE * max(values))


def _flat(values: Sequence[float]) -> float:
    return _residual([sum(values) / len(values)] * len(values), values)


def _line(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """Ordinary least squares: intercept and slope."""
    middle, mean = sum(xs) / len(xs), sum(ys) / len(ys)
    above = sum((x - middle) * (y - mean) for x, y in zip(xs, ys, strict=True))
    slope = above / sum((x - middle) ** 2 for x in xs)
    return mean - slope * middle, slope


def _residual(found: Sequence[float], values: Sequence[float]) -> float:
    """The root mean square of the differences, as a share of the values' range."""
    spread = max(values) - min(values)
    squares = sum((one - other) ** 2 for one, other in zip(found, values, strict=True))
    return round(math.sqrt(squares / len(values)) / spread, 4) if spread else 0.0
