"""What launch pairs under load prove, and what they do not."""

import math
from random import Random

import pytest

from unslow.lab.prove._shown import Claims, agrees, settled
from unslow.lab.prove.judge import Judgement
from unslow.lab.prove.waiting import LatencyPair, Waited, fewest_requests, tail
from unslow.model import GeneratorCheck

KEPT_UP = GeneratorCheck(10_000, 0.1, 0.1)


def ratios(mean: float, pairs: int, noise: float = 0.02, seed: int = 1) -> tuple[float, ...]:
    random = Random(seed)
    return tuple(math.log(mean) + random.gauss(0, noise) for _ in range(pairs))


def claims(**values) -> Claims:
    return Claims(values, ("p50", "p95"), max_slowdown=0.05)


def test_equal_versions_gain_nothing() -> None:
    found = claims(p50=ratios(1, 20, 0.01), p95=ratios(1, 20, 0.01, 2)).judge()
    assert found.kind == "no-gain"


def test_a_large_gain_after_three_pairs_is_open() -> None:
    found = claims(p50=ratios(0.3, 3), p95=ratios(0.3, 3, seed=2)).judge()
    assert found.kind is None


def test_noise_is_open() -> None:
    assert claims(p50=ratios(1, 6, 0.3), p95=ratios(1, 6, 0.5, 2)).judge().kind is None


def test_a_halved_latency_is_proven_and_named() -> None:
    found = claims(p50=ratios(0.5, 5), p95=ratios(1.01, 5, 0.1, 2)).judge()
    assert found.kind == "proven"
    assert found.reason.startswith("p50 is")


def test_a_shorter_tail_is_proven_where_the_median_stays() -> None:
    found = claims(p50=ratios(1, 5), p95=ratios(0.4, 5, 0.05, 2)).judge()
    assert found.kind == "proven"
    assert found.reason.startswith("p95 is")


def test_a_gain_that_is_paid_by_the_tail_is_not_proven() -> None:
    found = claims(p50=ratios(0.5, 4), p95=ratios(1.3, 4, 0.08, 2)).judge()
    assert found.kind != "proven"
    assert "p95" in found.reason


def test_a_slowdown_needs_evidence_beyond_what_is_allowed() -> None:
    assert claims(p50=ratios(1.04, 30, 0.005), p95=ratios(1, 30)).judge().kind != "slower"
    found = claims(p50=ratios(1.5, 5), p95=ratios(1.5, 5, seed=2)).judge()
    assert found.kind == "slower"
    assert "more" in found.reason


def test_one_slower_endpoint_decides() -> None:
    values = {
        "p50": ratios(0.5, 6),
        "p95": ratios(0.5, 6, seed=2),
        "p50 of GET /x": ratios(2, 6, seed=3),
    }
    found = Claims(values, ("p50", "p95"), 0.05)
    assert found.judge().kind == "slower"
    assert found.kind_of(["p50 of GET /x"]) == "slower"
    assert found.kind_of(["p50", "p95"]) == "proven"


@pytest.mark.parametrize("seed", range(30))
def test_equal_versions_are_hardly_ever_proven(seed) -> None:
    """Thirty trials of thirty-nine looks each, on drawn noise."""
    p50, p95 = ratios(1, 40, 0.05, seed), ratios(1, 40, 0.15, seed + 1000)
    looks = [claims(p50=p50[:n], p95=p95[:n]).judge().kind for n in range(2, 41)]
    assert "proven" not in looks
    assert "slower" not in looks


def test_a_replication_must_agree_in_each_pair() -> None:
    assert agrees((-0.7, -0.6), (-0.5, -0.6))
    assert not agrees((-0.7, -0.6), (-0.5, 0.01))
    assert not agrees((-0.7, -0.6), (-0.2, -0.2))
    assert not agrees((-0.03, -0.03), (-0.02, -0.02))


def test_nothing_is_proven_without_a_replication_that_agrees() -> None:
    found, proven = claims(p50=ratios(0.5, 5)), Judgement("proven", "")
    assert settled(proven, found, True, KEPT_UP)[0] == "proven"
    assert settled(proven, found, False, KEPT_UP)[0] == "inconclusive"
    assert settled(proven, found, None, KEPT_UP)[0] == "inconclusive"


@pytest.mark.parametrize("kind", ["proven", "slower", "no-gain"])
def test_a_generator_that_was_the_bottleneck_makes_it_inconclusive(kind) -> None:
    check = GeneratorCheck(500, 9, 0.9, "the load generator was busy")
    found = settled(Judgement(kind, ""), claims(p50=ratios(0.5, 5)), True, check)
    assert found == ("inconclusive", "the load generator was busy")


def test_too_few_pairs_are_said() -> None:
    found = settled(Judgement(None, ""), claims(p50=ratios(0.5, 2)), None, KEPT_UP)
    assert "only 2 of at least 4 launch pairs" in found[1]


def test_a_quantile_of_too_few_requests_is_no_value() -> None:
    assert (fewest_requests(0.5), fewest_requests(0.95), fewest_requests(0.99)) == (10, 40, 200)
    pair = LatencyPair({"GET /": [1.0] * 30}, {"GET /": [2.0] * 30})
    assert pair.log_ratio(("GET /", 0.5)) == pytest.approx(math.log(2))
    assert pair.log_ratio(("GET /", 0.95)) is None
    assert pair.log_ratio(("GET /other", 0.5)) is None


def test_a_claim_uses_the_pairs_that_have_enough_requests() -> None:
    many, few = {"": [1.0] * 100, "GET /": [1.0] * 20}, {"": [1.0] * 100, "GET /": [1.0] * 5}
    waited = Waited(("", "GET /"), 0.05, [LatencyPair(many, many), LatencyPair(many, few)])
    lengths = {name: len(values) for name, values in waited.claims(waited.pairs).values.items()}
    assert lengths == {"p50": 2, "p95": 2, "p50 of GET /": 1}
    assert waited.replicated() is None


def test_the_tail_needs_two_hundred_requests_of_each_version() -> None:
    assert tail([LatencyPair({"": [1.0] * 199}, {"": [1.0] * 400})], "", 1) is None


def test_the_tail_is_that_of_all_launches_with_its_interval() -> None:
    random = Random(1)

    def latencies(scale: float) -> dict[str, list[float]]:
        return {"": [scale * random.expovariate(1) for _ in range(300)]}

    found = tail([LatencyPair(latencies(40), latencies(10)) for _ in range(8)], "", 1)
    assert found
    assert found.speedup
    assert found.speedup.low < 4 < found.speedup.high
    assert found.speedup.low > 2.5
    assert found.before_ms == pytest.approx(40 * math.log(100), rel=0.1)
    assert found.evidence == 0
