import pytest
from msgspec.structs import replace

from tests.builders import query
from tests.diagnose.test_duplicate_index import A_B, MODEL, A, index, kept_up
from tests.negatives.cases import cases, found

CASES = {
    "another column first": kept_up(A_B, index("note_b", "b 1")),
    "the other direction": kept_up(index("x", "a 1 DESC", "b 1"), index("y", "a 1 ASC")),
    "an operator class for patterns": kept_up(A_B, index("note_a_like", "a 1 text_pattern_ops")),
    "another collation": kept_up(A_B, index("note_a_c", "a 950")),
    "it keeps rows unique": kept_up(A_B, replace(A, unique=True)),
    "a constraint rests on it": kept_up(A_B, replace(A, needed=True)),
    "the primary key begins another": kept_up(index("note_id_a", "id 1", "a 1")),
    "another method": kept_up(A_B, replace(A, method="hash")),
    "some rows only": kept_up(A_B, replace(A, predicate="(b > 0)")),
    "the longer one has some rows only": kept_up(replace(A_B, predicate="(b > 0)"), A),
    "it holds a further column": kept_up(A_B, replace(A, included=("c",))),
    "two of another method, one longer": kept_up(
        replace(A_B, method="gin"), replace(A, method="gin")
    ),
    "nobody writes to the table": kept_up(A_B, A, queries=query("SELECT * FROM note")),
    "a delete leaves indexes alone": kept_up(A_B, A, queries=query("DELETE FROM note")),
    "a small table": kept_up(A_B, A, rows=300),
    "a library's table": kept_up(A_B, A, models=(replace(MODEL, site=None),)),
    "a table that only the ORM made": kept_up(A_B, A, models=(replace(MODEL, table="other"),)),
    "an older trace without keys": kept_up(replace(A_B, keys=()), replace(A, keys=())),
}


@pytest.mark.parametrize("seen", cases(CASES))
def test_silent(seen):
    assert found("duplicate-index", seen) == []


def test_the_slow_form_fires():
    assert found("duplicate-index", kept_up(A_B, A))
