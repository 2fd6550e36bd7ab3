from msgspec.structs import replace

from unslow.lab.report import _writes as writes
from unslow.model import (
    Change,
    Flip,
    FlippedStatement,
    Interval,
    Verdict,
    WriteEffect,
    Writes,
)

READ = FlippedStatement(
    "SELECT ? FROM t", Change(12.0, 0.45), Change(4120, 31), Change(39_960, 0), Interval(27, 25, 30)
)
SAME = FlippedStatement(
    "SELECT ?", Change(1.0, 1.0), Change(9, 9), Change(0, 0), None, same_plan=True
)
FLIP = Flip((READ, SAME), Change(13.0, 1.45), Interval(27.1, 25.0, 29.8), 400.0, 5)
INSERT = WriteEffect(
    "insert", Change(5, 5.4), Change(100, 112), Interval(1.08, 1.02, 1.14), observed=3.0
)
UPDATE = WriteEffect(
    "update",
    Change(2, 4),
    Change(0, 0),
    hot=Change(0.92, 0),
    columns=("status", "paid_at"),
)
CHARGED = Writes("public.i", "public.t", 4_100_000, 0.31, (INSERT, UPDATE), (), 0.2)


def test_nothing_is_said_of_what_was_not_flipped():
    assert writes.lines(Verdict("proven")) == []


def test_reads_and_writes_have_a_line_each():
    assert writes.lines(Verdict("proven", flip=FLIP, writes=(CHARGED,))) == [
        "Reads: ×27.1 [25.0, 29.8], 13 → 1.4 ms a round, blocks 4 120 → 31, "
        "rows thrown away 39 960 → 0, 1 of 2 plans change",
        "Writes: INSERT ×1.08 [1.02, 1.14], WAL +12 %; UPDATE of status, paid_at (none observed), "
        "HOT 92 % → 0 %; 0.2 ms more a round; 4.1 MB, built in 0.31 s",
    ]


def test_plans_that_stay_the_same_need_no_numbers():
    same = Flip((SAME,), Change(0, 0))
    [line] = writes.lines(Verdict("no-gain", flip=same))
    assert line == "Reads: 1 statement, the same plan for each"


def test_several_indexes_are_named_and_what_is_missing_is_said():
    other = replace(CHARGED, index="public.j", effects=(), unmeasured=("the table is empty",))
    lines = writes.lines(Verdict("proven", writes=(CHARGED, other)))
    assert lines[0].startswith("Writes of public.i: INSERT")
    assert lines[1].startswith("Writes of public.j: not measured: the table is empty; ")
