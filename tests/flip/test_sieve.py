from random import Random

import psycopg
import pytest

from tests.builders import query, request, trace
from tests.flip.conftest import Clone
from unslow.errors import UnslowError
from unslow.lab.prove import Candidate, traffic
from unslow.lab.prove.sieve import is_index, sieve
from unslow.model import NewFile, Patch, TextEdit, Verdict, WholeFile
from unslow.progress import Silent

LIST = "GET events/"
MADE = 'CREATE INDEX IF NOT EXISTS "events_made" ON "events" ("made")'
MADE_KIND = 'CREATE INDEX IF NOT EXISTS "events_made_kind" ON "events" ("made", "kind")'
KIND = 'CREATE INDEX IF NOT EXISTS "events_kind" ON "events" ("kind")'
SEEN = 'CREATE INDEX IF NOT EXISTS "events_seen" ON "events" ("seen")'
READ = request("GET", "events/", query("SELECT * FROM events WHERE made = %s", parameters=("7",)))
MARK = query("UPDATE events SET made = %s WHERE id = %s", rows=1, parameters=("8", "7"))


def index(key, *sql, finding="", endpoints=(LIST,)):
    return Candidate(key, Patch("postgres-index", key, "safe", sql=sql), endpoints, finding)


def sieved(clone, candidates, *requests, recorded=False, weights=None):
    return sieve(
        [clone],
        candidates,
        traffic(trace(*requests).requests, weights or {}, recorded=recorded),
        budget_s=60.0,
        progress=Silent(),
        random=Random(5),
    )


def keys(found):
    return [one.key for one in found.passed]


def test_what_is_no_index_goes_on_untouched(clone):
    code = Candidate("code", Patch("f", "s", "safe", (TextEdit("a.py", 0, 0, "x"),)), (LIST,))
    found = sieved(clone, [code], READ)
    assert (found.passed, found.verdicts, found.flips) == ((code,), {}, {})


def test_what_no_statement_can_tell_goes_on(clone):
    unread = index("unread", MADE, endpoints=("GET other/",))
    broken = index("broken", "CREATE INDEX absent ON absent (nothing)")
    assert keys(sieved(clone, [unread, broken], READ)) == ["unread", "broken"]


def test_an_index_that_gains_goes_on_with_its_numbers(clone):
    found = sieved(clone, [index("made", MADE)], READ)
    assert keys(found) == ["made"]
    [backed] = found.backed({"made": Verdict("proven")}).values()
    assert backed.flip.speedup.low > 1
    assert backed.flip.statements[0].rows_removed.before == 39_960
    [writes] = backed.writes
    assert (writes.index, writes.ms_per_round) == ("public.events_made", 0.0)
    assert {one.kind for one in writes.effects} == {"insert", "update"}


def test_an_index_that_nothing_uses_is_dropped_with_a_reason(clone):
    found = sieved(clone, [index("seen", SEEN), index("made", MADE)], READ)
    assert keys(found) == ["made"]
    verdict = found.backed(found.verdicts)["seen"]
    assert verdict.verdict == "no-gain"
    assert "the planner uses it for none of the observed statements" in verdict.reason
    assert verdict.flip.statements[0].same_plan
    assert verdict.writes == ()


def test_of_rivals_one_goes_on(clone):
    rivals = [index("wide", MADE_KIND, finding="f"), index("plain", MADE, finding="f")]
    found = sieved(clone, rivals, READ)
    [kept] = keys(found)
    [outdone] = found.verdicts
    assert {kept, outdone} == {"wide", "plain"}
    assert found.verdicts[outdone].verdict == "not-run"
    assert "answers the same reads in" in found.verdicts[outdone].reason


def test_two_findings_that_want_one_index_both_go_on(clone):
    twins = [index("one", MADE, finding="f"), index("other", MADE, finding="g")]
    assert keys(sieved(clone, twins, READ)) == ["one", "other"]


def test_a_guessed_mix_charges_and_rejects_nothing(clone):
    busy = request("POST", "marks/", MARK * 500)
    found = sieved(clone, [index("made", MADE)], READ, busy)
    assert keys(found) == ["made"]
    [writes] = found.writes["made"]
    update = next(one for one in writes.effects if one.kind == "update")
    assert (update.observed, update.columns) == (500.0, ("made",))
    assert (update.hot.before, update.hot.after) == (1, 0)


def test_recorded_traffic_that_writes_more_than_it_reads_rejects_the_index(clone):
    read = request(
        "GET", "events/", query("SELECT id FROM jobs WHERE slow(made) = 7", parameters=())
    )
    busy = request("POST", "marks/", query("UPDATE jobs SET made = 8 WHERE id = 7", parameters=()))
    dear = index("dear", "CREATE INDEX jobs_slow ON jobs (slow(made))")
    weights = {"POST marks/": 10_000_000.0}
    assert keys(sieved(clone, [dear], read, busy, weights=weights)) == ["dear"]
    found = sieved(clone, [dear], read, busy, recorded=True, weights=weights)
    assert keys(found) == []
    verdict = found.backed(found.verdicts)["dear"]
    assert verdict.verdict == "no-gain"
    assert verdict.reason.startswith("its writes cost ")
    assert verdict.flip.speedup.low > 1
    assert verdict.writes[0].ms_per_round > 0


def test_the_clone_keeps_its_rows_and_no_index(clone):
    question = """
        SELECT (SELECT sum(hashtext(e::text)) FROM events e),
               (SELECT array_agg(indexrelid ORDER BY 1) FROM pg_index)
    """
    with psycopg.connect(clone.dsn, autocommit=True) as connection:
        before = connection.execute(question).fetchone()
        sieved(clone, [index("made", MADE), index("kind", KIND)], READ)
        assert connection.execute(question).fetchone() == before


def test_a_clone_that_does_not_answer_ends_the_command():
    with pytest.raises(UnslowError, match="does not answer"):
        sieved(Clone("host=127.0.0.1 port=1 connect_timeout=2"), [index("made", MADE)], READ)


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        (Patch("f", "s", "safe", sql=(MADE,)), True),
        (Patch("f", "s", "safe", sql=(MADE,), files=(NewFile("m/0002.py", ""),)), True),
        (Patch("f", "s", "safe"), False),
        (Patch("f", "s", "safe", sql=("DROP INDEX a",)), False),
        (Patch("f", "s", "safe", sql=(MADE, "DELETE FROM events")), False),
        (Patch("f", "s", "safe", sql=("CREATE INDEX CONCURRENTLY a ON b (c)",)), False),
        (Patch("f", "s", "safe", sql=(MADE,), whole=(WholeFile("a.py", b""),)), False),
    ],
)
def test_an_index_candidate_creates_indexes_and_does_nothing_else(patch, expected):
    assert is_index(patch) is expected
