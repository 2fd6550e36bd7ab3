from msgspec.structs import replace

from tests.builders import query
from tests.diagnose.test_duplicate_index import WRITE, A, kept_up
from unslow.lab.diagnose.unused_index import find
from unslow.model import Plan, PlanNode

UNREAD = replace(A, scans=0)


def planned(seen, *indexes):
    """The trace with a plan that has these indexes."""
    scans = tuple(PlanNode("Index Scan", "note", "note", index=name) for name in indexes)
    plan = Plan("x", "SELECT 1", 1.0, PlanNode("Append", children=scans))
    return replace(seen, plans=(plan,))


def test_silent_without_statistics():
    assert list(find(kept_up(A))) == []
    assert list(find(kept_up(UNREAD))) == []


def test_fires_on_an_index_that_many_reads_did_without():
    [one] = find(planned(kept_up(UNREAD, scans=9000), "note_pkey"))
    assert (one.id, one.severity, one.confidence) == ("unused-index", "low", "likely")
    assert one.title == (
        "POST notes/ writes note_a of note, which 9000 reads of the original database did without"
    )
    assert one.evidence.reference == "DROP INDEX CONCURRENTLY note_a"


def test_the_endpoints_are_those_that_write():
    seen = kept_up(UNREAD, scans=9000, queries=WRITE + query("SELECT * FROM note"))
    [one] = find(seen)
    assert one.endpoints == ("POST notes/",)
