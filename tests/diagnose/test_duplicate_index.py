import pytest
from msgspec.structs import replace

from tests.builders import query, request, site, trace
from unslow.lab.diagnose.duplicate_index import find
from unslow.model import Index, Model, Table

WRITE = query('INSERT INTO "note" ("a", "b") VALUES (%s, %s)', "shop/views.py:9 add")
MODEL = Model(
    "shop.Note", "django", "shop.models", "Note", "note", site=site("shop/models.py:3 Note")
)


def index(name, *keys, **fields):
    return Index(name, tuple(key.split()[0] for key in keys), keys=keys, **fields)


PKEY = index("note_pkey", "id 1", unique=True, primary=True, needed=True)
A_B = index("note_a_b", "a 1", "b 1")
A = index("note_a", "a 1", bytes=65536)


def kept_up(*indexes, queries=WRITE, models=(MODEL,), rows=5000, scans=None):
    table = Table("note", rows=rows, indexes=(PKEY, *indexes), scans=scans)
    return trace(request("POST", "notes/", queries), models=models, tables=[table])


def test_silent_when_no_index_begins_another():
    assert list(find(kept_up(A_B, index("note_b", "b 1")))) == []


def test_fires_on_the_beginning_of_another_index():
    [one] = find(kept_up(A_B, A))
    assert (one.id, one.severity, one.confidence) == ("duplicate-index", "low", "certain")
    assert one.title == "POST notes/ writes note_a of note, which is the beginning of note_a_b"
    assert one.evidence.reference == "DROP INDEX CONCURRENTLY note_a"
    assert "64 kB" in one.evidence.advice
    assert one.cause == MODEL.site


def test_of_two_that_are_the_same_one_is_named():
    [one] = find(kept_up(A, replace(A, name="note_a_again")))
    assert "is the same as" in one.title


@pytest.mark.parametrize(
    "sql", ["UPDATE note SET b = %s WHERE id = %s", "INSERT INTO public.note SELECT * FROM draft"]
)
def test_any_write_keeps_an_index_up_to_date(sql):
    assert list(find(kept_up(A_B, A, queries=query(sql))))


def test_an_application_without_models_owns_its_tables():
    assert list(find(kept_up(A_B, A, models=())))
