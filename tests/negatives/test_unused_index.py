import pytest
from msgspec.structs import replace

from tests.builders import query
from tests.diagnose.test_duplicate_index import A_B, MODEL, kept_up
from tests.diagnose.test_unused_index import UNREAD, planned
from tests.negatives.cases import cases, found
from unslow.model import Relation

REFERENCE = Relation("a", "a", "forward", "app.A", column="a")

CASES = {
    "nothing is known of the original": kept_up(UNREAD),
    "the original was hardly read": kept_up(UNREAD, scans=900),
    "it was scanned once": kept_up(replace(UNREAD, scans=1), scans=9000),
    "its scans are not known": kept_up(replace(UNREAD, scans=None), scans=9000),
    "a plan of this workload has it": planned(kept_up(UNREAD, scans=9000), "note_a"),
    "it keeps rows unique": kept_up(replace(UNREAD, unique=True), scans=9000),
    "a constraint rests on it": kept_up(replace(UNREAD, needed=True), scans=9000),
    "another one replaces it, which is a finding of its own": kept_up(
        A_B, replace(UNREAD, name="note_a"), scans=9000
    ),
    "its column is a foreign key": kept_up(
        UNREAD, scans=9000, models=(replace(MODEL, relations=(REFERENCE,)),)
    ),
    "nobody writes to the table": kept_up(UNREAD, scans=9000, queries=query("SELECT * FROM note")),
    "a small table": kept_up(UNREAD, scans=9000, rows=300),
    "a library's table": kept_up(UNREAD, scans=9000, models=(replace(MODEL, site=None),)),
}


@pytest.mark.parametrize("seen", cases(CASES))
def test_silent(seen):
    assert found("unused-index", seen) == []


def test_the_slow_form_fires():
    assert found("unused-index", kept_up(UNREAD, scans=9000))
