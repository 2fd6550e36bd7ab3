from random import Random

import pytest

from unslow.lab.indexing.candidates import Candidate
from unslow.lab.indexing.trying import execute
from unslow.lab.indexing.workload import Executed, workload
from unslow.lab.prove._stand import standing
from unslow.lab.prove.session import deadline

CUSTOMER = Candidate("orders", "orders", ("customer_id",))
TWIN = Candidate("orders", "orders", ("customer_id", "made"))
MADE = Candidate("orders", "orders", ("made",))
OF_CUSTOMER = Executed("SELECT id, late FROM orders WHERE customer_id = 77", 100)
ON_A_DAY = Executed("SELECT id, late FROM orders WHERE made = '2026-02-01'", 100)


@pytest.fixture
def tried(shop, known, connection):
    def run(*chosen, executed=(OF_CUSTOMER, ON_A_DAY), most_bytes=None, seconds=20.0):
        asked = workload(executed, known, connection)
        with standing(shop, [one.sql() for one in chosen]) as stand:
            return execute(
                stand,
                chosen,
                asked,
                random=Random(3),
                seconds_left=deadline(seconds),
                most_bytes=most_bytes,
            )

    return run


def test_an_index_that_no_statement_uses_is_not_kept(tried):
    found = tried(CUSTOMER, MADE, executed=[OF_CUSTOMER])
    assert [one.candidate for one in found.kept] == [CUSTOMER]
    assert found.rejected == {MADE: "beside the others the planner uses it for no statement"}


def test_of_two_that_serve_the_same_one_is_kept(tried):
    found = tried(CUSTOMER, TWIN, executed=[OF_CUSTOMER])
    assert len(found.kept) == len(found.rejected) == 1


def test_what_statements_are_faster_with_is_kept_with_its_figures(tried):
    found = tried(CUSTOMER, MADE)
    assert {one.candidate for one in found.kept} == {CUSTOMER, MADE}
    assert found.rejected == {}
    for one in found.kept:
        assert one.ms is not None
        assert one.ms.after < one.ms.before / 2
        assert one.writes.effects
        assert len(one.statements) == 1
    assert found.flip is not None
    assert found.flip.ms.after < found.flip.ms.before / 2


def test_what_is_built_fits_the_size(tried):
    both = tried(CUSTOMER, MADE)
    largest = max(one.built.bytes for one in both.kept)
    found = tried(CUSTOMER, MADE, most_bytes=largest)
    assert len(found.kept) == 1
    assert "saves less for its size" in next(iter(found.rejected.values()))


def test_what_only_a_write_wants_stays_as_the_planner_wants_it(tried):
    delete = Executed("DELETE FROM orders WHERE made = '2026-02-01'")
    found = tried(MADE, executed=[delete])
    assert [one.candidate for one in found.kept] == [MADE]
    assert found.flip is None


def test_what_its_writes_pay_more_for_than_its_reads_save_is_not_kept(tried):
    update = Executed("UPDATE orders SET made = made + 1 WHERE id = 3", 1e6)
    found = tried(MADE, executed=[Executed(ON_A_DAY.sql, 1), update])
    assert found.kept == []
    assert "its writes cost" in found.rejected[MADE]
    assert tried(MADE, executed=[ON_A_DAY, Executed(update.sql, 1)]).rejected == {}


def test_what_the_database_refuses_says_why(tried):
    refused = Candidate("orders", "orders", ("nowhere",))
    found = tried(refused)
    assert found.kept == []
    assert "does not exist" in found.rejected[refused]


def test_where_no_time_is_left_the_planner_has_the_last_word(tried):
    found = tried(CUSTOMER, MADE, seconds=-1.0)
    assert {one.candidate: one.ms for one in found.kept} == {CUSTOMER: None, MADE: None}
