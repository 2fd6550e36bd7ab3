"""When a whole change is faster, harmful, or neither: the rules on figures made for them."""

from unslow.lab.prove.judge import Measured, futile_change, judge_change

STEADY = (0.001, -0.001, 0.002, -0.002, 0.0, 0.001, -0.001, 0.0)


def shifted(by: float) -> tuple[float, ...]:
    return tuple(value + by for value in STEADY)


def measured(own: float, other: float = 0.0, limit: float = 0.05) -> Measured:
    return Measured(shifted(own), {"GET /a": shifted(own)}, {"GET /b": shifted(other)}, limit=limit)


def test_no_change_is_no_gain() -> None:
    assert judge_change(measured(0.0), stands=False).kind == "no-gain"


def test_a_loss_within_the_limit_is_no_gain() -> None:
    assert judge_change(measured(0.03), stands=False).kind == "no-gain"


def test_a_gain_that_harms_nobody_is_proven() -> None:
    assert judge_change(measured(-0.3), stands=True).kind == "proven"


def test_a_gain_that_does_not_stand_among_all_claims_is_open() -> None:
    assert judge_change(measured(-0.3), stands=False).kind is None


def test_harm_to_another_endpoint_is_slower_whatever_the_gain() -> None:
    found = judge_change(measured(-0.5, 0.2), stands=True)
    assert found.kind == "slower"
    assert found.reason.startswith("GET /b costs 22.1")


def test_a_loss_is_slower_only_beyond_the_limit() -> None:
    assert judge_change(measured(0.08), stands=False).kind == "slower"
    assert judge_change(measured(0.08, limit=0.2), stands=False).kind == "no-gain"


def test_two_pairs_show_no_harm() -> None:
    few = Measured((0.2, 0.2), {"GET /a": (0.2, 0.2)})
    assert judge_change(few, stands=False).kind is None


def test_a_possible_loss_keeps_the_claim_open() -> None:
    loose = tuple(20 * value + 0.03 for value in STEADY)
    found = Measured(loose, {"GET /a": loose})
    assert judge_change(found, stands=False).kind is None
    assert not futile_change(found, 8)
