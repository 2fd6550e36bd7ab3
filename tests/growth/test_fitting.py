import pytest

from unslow.lab.growth.fitting import fit

SIZES = (1, 4, 16)


@pytest.mark.parametrize(
    ("growth", "values"),
    [
        ("constant", (3, 3, 3)),
        ("constant", (0, 0, 0)),
        ("constant", (100, 104, 109)),
        ("constant", (61, 201, 201)),
        ("constant", (900, 40, 30)),
        ("constant", (5000, 400, 100)),
        ("constant", (80, 60, 77)),
        ("linear", (100, 100, 160)),
        ("logarithmic", (3, 4, 5)),
        ("logarithmic", (10, 30, 50)),
        ("linear", (4, 13, 49)),
        ("linear", (3515, 13598, 53930)),
        ("linear", (1, 3, 9)),
        ("linear", (26, 106, 522)),
        ("quadratic", (9, 144, 2304)),
        ("quadratic", (11, 56, 416)),
        ("quadratic", (12, 150, 2310)),
    ],
)
def test_the_class_of(growth, values) -> None:
    assert fit(SIZES, values).growth == growth


def test_the_cost_at_ten_and_a_hundred_times_the_data() -> None:
    found = fit(SIZES, (4, 13, 49))
    assert (found.intercept, found.slope) == (1.0, 3.0)
    assert (found.at_10, found.at_100) == (31.0, 301.0)


def test_a_limit_that_was_reached_stays() -> None:
    found = fit(SIZES, (61, 201, 201))
    assert (found.at_10, found.at_100, found.residual) == (201, 201, 0.0)


def test_every_candidate_shows_its_residual() -> None:
    found = fit(SIZES, (4, 13, 49))
    assert found.residuals["linear"] == found.residual == 0.0
    assert 0 < found.residuals["quadratic"] < found.residuals["logarithmic"]
    assert found.residuals["constant"] > 0.3


def test_more_sizes_than_three_may_be_given() -> None:
    assert fit((1, 2, 4, 8, 16), (2, 8, 32, 128, 512)).growth == "quadratic"
