from unslow.lab.indexing.candidates import Candidate
from unslow.lab.indexing.solving import Problem, solve

A = Candidate("t", "t", ("a",))
A_B = Candidate("t", "t", ("a", "b"))
B = Candidate("t", "t", ("b",))
C = Candidate("u", "u", ("c",))
SIZES = {A: 10, A_B: 15, B: 10, C: 100}
NONE = frozenset()


def solved(*plans, prices=None, most=None):
    problem = Problem(plans, {**dict.fromkeys(SIZES, 0.1), **(prices or {})}, SIZES, most)
    found = solve(problem, 10.0)
    assert found is not None
    assert all(used <= found.config for used in found.used)
    return found.config


def test_no_index_without_a_gain():
    assert solved({NONE: 10.0}) == NONE
    assert solved({NONE: 10.0, frozenset({A}): 9.95}) == NONE


def test_no_index_whose_price_is_higher():
    assert solved({NONE: 10.0, frozenset({A}): 1.0}, prices={A: 9.5, A_B: 9.5}) == NONE


def test_a_plan_takes_all_of_its_indexes():
    plans = {NONE: 10.0, frozenset({B, C}): 1.0}
    assert solved(plans) == {B, C}
    assert solved(plans, most=105) == NONE


def test_the_best_set_is_not_the_best_one_first():
    plans = (
        {NONE: 100.0, frozenset({C}): 1.0},
        *({NONE: 90.0, frozenset({one}): 1.0} for one in (A, B)),
    )
    assert solved(*plans, most=100) == {A, B}


def test_the_beginning_of_an_index_never_stands_beside_it():
    plans = ({NONE: 100.0, frozenset({A}): 10.0}, {NONE: 100.0, frozenset({A_B}): 10.0})
    assert solved(*plans) == {A_B}


def test_a_wider_index_serves_a_plan_of_a_narrow_one_as_far_as_nothing_else_is_known():
    narrow = {NONE: 100.0, frozenset({A}): 10.0}
    wide = {NONE: 100.0, frozenset({A_B}): 10.0}
    assert solved({**narrow, frozenset({A_B}): 90.0}, wide, {NONE: 10.0}) == {A_B}
    assert solved({**narrow, frozenset({A_B}): 99.0}, {NONE: 100.0, frozenset({A_B}): 95.0}) == {A}
