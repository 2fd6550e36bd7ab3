"""Edits that take tests out of loops and comprehensions."""

import ast

from unslow.lab.rows._file import File
from unslow.lab.rows._filtering import Filtering
from unslow.model import TextEdit


def without_tests(file: File, found: Filtering) -> list[TextEdit]:
    """The comprehension without the tests that SQL makes, the loop without its `if`."""
    if isinstance(found.use.holder, ast.For):
        (test,) = found.tests
        assert isinstance(test, ast.If)
        return _unskipped(file, test) if _skips(test) else _moved(file, test)
    comprehension = getattr(found.use.holder, "generators", [])[0]
    edits = []
    end = file.parenthesised(comprehension.iter)[1]
    for test in comprehension.ifs:
        last = file.parenthesised(test)[1]
        if test in found.tests:
            edits.append(file.delete(end, last))
        end = last
    return edits


def _skips(test: ast.If) -> bool:
    return isinstance(test.body[0], ast.Continue)


def _unskipped(file: File, test: ast.If) -> list[TextEdit]:
    """The lines of `if ...: continue` go."""
    last = test.body[-1].end_lineno or test.lineno
    return [file.delete(file.lines[test.lineno - 1], file.lines[last])]


def _moved(file: File, test: ast.If) -> list[TextEdit]:
    """The body of the `if` moves to its place."""
    first, last = test.body[0], test.body[-1]
    deeper = first.col_offset - test.col_offset
    edits = [file.delete(file.start(test), file.start(first))]
    for number in range(first.lineno + 1, (last.end_lineno or last.lineno) + 1):
        start = file.lines[number - 1]
        line = file.content[start : file.lines[number]]
        if line[:deeper].strip() == b"" and line.strip():
            edits.append(file.delete(start, start + deeper))
    return edits
