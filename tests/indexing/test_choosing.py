from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from unslow.lab.indexing.candidates import Candidate
from unslow.lab.indexing.choosing import Limits, choose
from unslow.lab.indexing.oracle import Plan
from unslow.lab.indexing.wants import Asked
from unslow.lab.indexing.workload import Question
from unslow.lab.prove.flip import Statement

A = Candidate("t", "t", ("a",))
A_B = Candidate("t", "t", ("a", "b"))
B = Candidate("t", "t", ("b",))
C = Candidate("u", "u", ("c",))
SIZES = {A: 10, A_B: 15, B: 10, C: 100}


@dataclass
class Planner:
    """A planner whose costs are a table: the cheapest set of indexes that is there counts."""

    costs: Mapping[str, Mapping[frozenset[Candidate], float]]
    name: str = "a table"
    calls: int = 0
    refused: dict[Candidate, str] = field(default_factory=dict)

    def bytes_of(self, one: Candidate) -> int:
        return SIZES[one]

    def plan(self, question: Question, config: Collection[Candidate]) -> Plan:
        self.calls += 1
        known = self.costs[question.read.key]
        possible = [used for used in known if used <= set(config)]
        used = min(possible, key=lambda one: known[one])
        return known[used], used


def costs(without, *ways):
    return {frozenset(): without, **{frozenset(used): cost for *used, cost in ways}}


def chosen(plans, *, size=None, calls=2000, seconds=60.0, written=None, weights=None):
    questions = [
        Question(
            Statement(name, name, executions=(weights or {}).get(name, 1.0)),
            Asked(),
            frozenset({"t", "u"}),
            False,
        )
        for name in plans
    ]
    limits = Limits(size, lambda: seconds, calls)
    planner = Planner(plans)
    choice = choose(planner, questions, [*SIZES], (written or {}).get, limits)
    assert planner.calls <= calls + len(plans)
    return choice


def none_written(plans, **more):
    return chosen(plans, written=dict.fromkeys(SIZES, 0.0), **more)


def test_nothing_is_chosen_that_saves_next_to_nothing():
    found = none_written({"q": costs(1000, (A, 996))})
    assert (found.config, found.before, found.after) == (frozenset(), 1000, 1000)


def test_nothing_is_chosen_whose_writes_cost_more():
    plans = {"q": costs(1000, (A, 100))}
    assert chosen(plans, written={A: 901.0, A_B: 0, B: 0, C: 0}).config == frozenset()
    assert chosen(plans, written={A: 10.0, A_B: 0, B: 0, C: 0}).config == {A}


def test_nothing_larger_than_the_limit_is_chosen():
    plans = {"q": costs(1000, (C, 10)), "r": costs(1000, (A, 500))}
    assert none_written(plans, size=99).config == {A}


def test_what_saves_most_for_its_size_comes_first():
    plans = {"q": costs(1000, (C, 10)), "r": costs(1000, (A, 500))}
    assert none_written(plans, size=110).config == {A, C}
    assert none_written({**plans, "s": costs(900, (B, 100))}, size=20).config == {A, B}


def test_small_ones_that_save_more_together_come_before_a_large_one():
    plans = {
        "q": costs(1000, (C, 100)),
        "r": costs(1000, (A, 500)),
        "s": costs(1000, (B, 500)),
    }
    assert none_written(plans, size=105).config == {A, B}


def test_the_weight_of_a_statement_counts():
    plans = {"q": costs(1000, (C, 10)), "r": costs(1000, (A, 900))}
    assert none_written(plans, size=100, weights={"q": 0.001}).config == {A}


def test_a_wider_index_takes_the_place_of_a_narrow_one():
    plans = {
        "q": costs(1000, (A, 100), (A_B, 110)),
        "r": costs(300, (A, 290), (A_B, 100)),
    }
    assert none_written(plans).config == {A_B}


def test_two_that_only_help_together_are_found():
    assert none_written({"q": costs(1000, (A, C, 10))}).config == {A, C}


def test_an_early_choice_is_exchanged_when_the_size_is_better_used():
    plans = {"q": costs(1000, (B, 500), (C, 10))}
    assert none_written(plans, size=105).config == {C}


def test_few_calls_or_no_time_end_it_with_what_is_known():
    plans = {"q": costs(1000, (C, 10)), "r": costs(1000, (A, 500))}
    found = none_written(plans, calls=3)
    assert not found.is_complete
    assert none_written(plans, seconds=-1.0).config == frozenset()
