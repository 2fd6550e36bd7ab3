"""What a patch touches is laid out as the project's formatter would; all else keeps its bytes."""

from itertools import permutations
from pathlib import Path

import pytest

from unslow.lab._line_length import line_length
from unslow.lab._logical_lines import logical_lines
from unslow.lab.patching import Conflict, apply
from unslow.model import Patch, TextEdit

ROOT = Path(__file__).parent.parent
FORMATTED = sorted(
    [*(ROOT / "src/unslow/demo").rglob("*.py"), *(ROOT / "src/unslow/model").glob("*.py")]
)
QUERY = "Order.objects.filter(status='open')"
CALL = '.select_related("customer__company", "shipping_address__country")'


def patched(before: str, *added: str, at: str = QUERY, settings: str = "") -> str:
    """The text after each call is added behind `at`, by a patch of its own."""
    files = {"a.py": before.encode(), "pyproject.toml": settings.encode()}
    end = before.encode().index(at.encode()) + len(at.encode())
    patches = [Patch("f", "", "safe", (TextEdit("a.py", end, end, text),)) for text in added]
    return apply(patches, lambda path: found(files, path))["a.py"].decode()


def found(files: dict[str, bytes], path: str) -> bytes:
    if path not in files:
        raise FileNotFoundError(path)
    return files[path]


# --- stays as it is ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", FORMATTED, ids=lambda path: path.name)
def test_what_the_formatter_wrote_is_its_own_layout(path):
    lines = [line for line in logical_lines(path.read_text()) if line.plain]
    assert [line.text for line in lines if line.formatted(100) != line.text] == []


@pytest.mark.parametrize(
    "around",
    [
        "x = [ 1,2 ,\n  3 ]\n",
        "def f( a,b ):\n    return  a\n",
        'text = """\n  a\n"""  \n',
        "y = 1;z = 2\n",
        "very_long_name_of_something = another_function(with_arguments, and_more_of_them, more)\n",
        "total = 1 + \\\n    2\n",
    ],
)
def test_other_lines_keep_their_bytes(around):
    text = patched(f"{around}q = {QUERY}\n{around}", CALL)
    assert text.startswith(around)
    assert text.endswith(around)


@pytest.mark.parametrize(
    "before",
    [
        f"q = f(  # why\n    {QUERY}\n)\n",
        f"q = f(a,\n      {QUERY})\n",
        f"q = \\\n    {QUERY}\n",
        f"if x: q = {QUERY}\n",
        f'q = f("""\n""", {QUERY})\n',
    ],
    ids=["comment", "own layout", "backslash", "one line", "text on lines"],
)
def test_a_statement_with_its_own_layout_keeps_it(before):
    assert patched(before, ".all()") == before.replace(QUERY, f"{QUERY}.all()")


def test_windows_line_ends_stay_and_are_used():
    assert patched(f"a = 1\r\nq = {QUERY}\r\n", ".a(\n    1\n)") == (
        f"a = 1\r\nq = {QUERY}.a(\r\n    1\r\n)\r\n"
    )


def test_text_that_is_not_python_is_left_alone():
    assert patched(f"q = (\n{QUERY}", CALL) == f"q = (\n{QUERY}{CALL}"


# --- is laid out -------------------------------------------------------------------------------


def test_one_call_breaks_at_its_arguments():
    assert patched("orders = Order.objects" + " \n", f".all(){CALL}", at="objects") == (
        "orders = Order.objects.all().select_related(\n"
        '    "customer__company", "shipping_address__country"\n) \n'
    )


@pytest.mark.parametrize(
    ("head", "open_", "close"),
    [("q = ", "", ""), ("return ", "", ""), ("for x in ", "", ":\n    pass")],
)
def test_a_chain_of_calls_has_a_line_for_each(head, open_, close):
    before = f"{head}{QUERY}.order_by('id'){close}\n"
    assert patched(before, CALL, at=".order_by('id')") == (
        f"{head}(\n    {QUERY}\n    .order_by('id')\n    {CALL}\n){close}\n"
    )


def test_a_comprehension_is_broken_at_its_for():
    assert patched(f"names = [order.customer.name for order in {QUERY}]\n", CALL) == (
        "names = [\n    order.customer.name\n"
        f"    for order in {QUERY}.select_related(\n"
        '        "customer__company", "shipping_address__country"\n    )\n]\n'
    )


def test_a_comment_behind_the_statement_stays_behind_it():
    assert patched(f"q = {QUERY}.order_by('id')  # newest last\n", CALL, at="('id')") == (
        f"q = (\n    {QUERY}\n    .order_by('id')\n    {CALL}\n)  # newest last\n"
    )


def test_the_layout_of_a_patch_gives_way_to_a_line_that_fits():
    assert patched(f"q = {QUERY}\n", ".only(\n    'id',\n)") == f"q = {QUERY}.only('id')\n"


def test_the_order_of_the_patches_does_not_matter():
    calls = (CALL, ".only('id')", ".order_by('id')")
    texts = {patched(f"q = {QUERY}\n", *order) for order in permutations(calls)}
    assert len(texts) == 1
    assert patched(f"q = {QUERY}\n", *calls, *calls) in texts


def test_names_that_patches_add_to_an_import_are_in_order():
    before = "from django.db.models import Count, Sum\nx = 1\n"
    added = (", Prefetch", ", Avg", ", aggregates", ", OuterRef")
    assert patched(before, *added, at="Count") == (
        "from django.db.models import Avg, Count, OuterRef, Prefetch, Sum, aggregates\nx = 1\n"
    )


def test_names_in_an_order_of_their_own_stay_in_it():
    before = "from django.db.models import Sum, Count\n"
    assert patched(before, ", Avg", at="Count") == "from django.db.models import Sum, Count, Avg\n"


def test_patches_that_break_the_file_together_are_refused():
    with pytest.raises(Conflict, match="no longer Python"):
        patched("q = f(a)\n", ", b=1", ", b=2", at="a")


# --- the project's width -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", "[tool.ruff]\nline-length = 110\n"),
        ("pyproject.toml", "[tool.black]\nline-length = 110\n"),
        ("ruff.toml", "line-length = 110\n"),
        ("setup.cfg", "[flake8]\nmax-line-length = 110\n"),
        (".editorconfig", "root = true\n[*.py]\nmax_line_length = 110\n"),
    ],
)
def test_the_projects_own_width_is_read(file, text):
    assert line_length(lambda path: found({file: text.encode()}, path)) == 110


@pytest.mark.parametrize("text", ["", "[tool.ruff", '[tool.ruff]\nline-length = "x"\n', "[tool]"])
def test_without_a_setting_it_is_the_formatters(text):
    assert line_length(lambda path: found({"pyproject.toml": text.encode()}, path)) == 88


@pytest.mark.parametrize(("width", "length"), [(88, 88), (95, 100), (101, 120), (200, 120)])
def test_without_a_setting_several_long_lines_tell(width, length):
    line = b"x" * width + b"\n"
    assert line_length(lambda path: found({}, path), line * 3) == length
    assert line_length(lambda path: found({}, path), line * 2) == 88


def test_a_width_in_the_project_keeps_a_line():
    settings = "[tool.ruff]\nline-length = 120\n"
    assert patched(f"q = {QUERY}\n", CALL, settings=settings) == f"q = {QUERY}{CALL}\n"
