"""How much faster or slower: a ratio with its interval."""

import msgspec


class Interval(msgspec.Struct, frozen=True):
    """A ratio before/after (above 1: faster) with its confidence interval."""

    estimate: float
    low: float
    high: float
    confidence: float = 0.99
