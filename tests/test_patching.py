from pathlib import Path

import pytest

from unslow.lab.patching import Conflict, apply, compose, diff
from unslow.model import NewFile, Patch, TextEdit


def patch(*edits: TextEdit, files: tuple[NewFile, ...] = ()) -> Patch:
    return Patch(fixer="django-select-related", summary="", safety="safe", edits=edits, files=files)


def insert(offset: int, text: str, path: str = "a.py") -> TextEdit:
    return TextEdit(path, offset, offset, text)


@pytest.fixture
def read(tmp_path: Path):
    (tmp_path / "a.py").write_bytes("orders = Order.objects.all()  # ü\n".encode())
    return lambda path: (tmp_path / path).read_bytes()


def test_nothing_changes_without_edits(read):
    assert apply([patch()], read) == {}
    assert diff([patch()], read) == ""


def test_a_range_is_replaced_by_bytes_not_characters(read):
    edits = (TextEdit("a.py", 9, 14, "Örder"), insert(34, "!"))
    assert apply([patch(*edits)], read) == {"a.py": "orders = Örder.objects.all()  # ü!\n".encode()}


def test_insertions_at_one_offset_are_concatenated_in_order(read):
    changed = apply([patch(insert(28, ".a()")), patch(insert(28, ".b()"))], read)
    assert changed["a.py"].startswith(b"orders = Order.objects.all().a().b()  #")


def test_equal_edits_are_made_once(read):
    same = patch(insert(28, ".a()"), TextEdit("a.py", 9, 14, "Sale"))
    assert apply([same, same], read)["a.py"].startswith(b"orders = Sale.objects.all().a()  #")


def test_new_imports_of_one_package_at_one_place_are_one_line(read):
    edits = (
        insert(0, "from django.db.models import Prefetch\n\n"),
        insert(0, "from django.db.models import Count, OuterRef\n\n"),
    )
    assert apply([patch(one) for one in edits], read)["a.py"].startswith(
        b"from django.db.models import Count, OuterRef, Prefetch\n\norders"
    )


def test_new_imports_stand_by_name_before_what_else_is_put_there(read):
    texts = ("total = 0\n", "from b import x\n", "from a import y\n", "tail = 1\n")
    changed = apply([patch(insert(0, text)) for text in texts], read)["a.py"]
    assert changed.startswith(b"from a import y\nfrom b import x\ntail = 1\ntotal = 0\norders")


def test_an_insertion_may_touch_either_end_of_a_replacement(read):
    edits = (TextEdit("a.py", 9, 14, "Sale"), insert(14, "s"), insert(9, "All"))
    assert apply([patch(*edits)], read)["a.py"].startswith(b"orders = AllSales.objects")


@pytest.mark.parametrize(
    ("start", "end"), [(9, 14), (8, 10), (10, 12), (13, 20), (10, 10)], ids=str
)
def test_overlapping_changes_conflict(start, end):
    with pytest.raises(Conflict, match=r"a\.py"):
        compose([TextEdit("a.py", 9, 14, "Sale"), TextEdit("a.py", start, end, "x")])


def test_a_change_beyond_the_end_of_the_file_conflicts(read):
    with pytest.raises(Conflict, match="beyond"):
        apply([patch(insert(500, "x"))], read)


def test_a_new_file_appears_with_its_text(read):
    new = patch(files=(NewFile("migrations/0002_index.py", "x = 1\n"),))
    assert apply([new, new], read) == {"migrations/0002_index.py": b"x = 1\n"}
    assert "--- /dev/null\n+++ b/migrations/0002_index.py\n" in diff([new], read)


def test_two_contents_for_one_new_file_conflict(read):
    patches = [patch(files=(NewFile("b.py", text),)) for text in ("x\n", "y\n")]
    with pytest.raises(Conflict, match="differently"):
        apply(patches, read)


def test_a_new_file_never_replaces_an_existing_one(read):
    with pytest.raises(Conflict, match="exists already"):
        apply([patch(files=(NewFile("a.py", "x\n"),))], read)


def test_the_diff_names_the_file_and_the_lines(read):
    assert diff([patch(insert(28, ".a()"))], read) == (
        "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n"
        "-orders = Order.objects.all()  # ü\n+orders = Order.objects.all().a()  # ü\n"
    )
