"""pytest --unslow: a test fails that runs a repeated query, or more queries than it may."""

from __future__ import annotations

import fnmatch
import functools
import sys
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from unslow.kit._snapshots import Counts
    from unslow.kit._test_run import Mark, Run
    from unslow.observe._record import Query

MARKER = "max_queries"
FIXTURES = frozenset({"max_queries", "query_snapshot"})
OUTPUT = "unslow_snapshots"  # what a worker of xdist tells
ERRORS = "unslow_errors"
NOT_THE_APPLICATION = ("conftest.py", "tests.py")
FOLDERS = frozenset({"test", "tests", "testing"})

_errors = pytest.StashKey[int]()
_snapshots = pytest.StashKey[dict[str, dict[str, dict[str, int]]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("unslow", "queries of the tests (unslow)")
    group.addoption("--unslow", action="store_true", help="fail a test that repeats a query")
    group.addoption(
        "--unslow-update", action="store_true", help="write the snapshots of query_snapshot anew"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Record before the application is imported."""
    if getattr(early_config.known_args_namespace, "unslow", False):
        _start(early_config)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_snapshots] = {}
    config.stash[_errors] = 0
    config.addinivalue_line("markers", f"{MARKER}(n): fail if the test runs more than n queries")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Follow the test itself: neither its fixtures, nor a TestCase's setUp and tearDown."""
    if not _is_followed(item):
        return (yield)
    from unslow.kit import _test_run

    _start(item.config)
    runs: list[Run] = []
    if not _follow_method(item, runs):
        runs.append(_test_run.begin(item.nodeid))
    try:
        result = yield
    finally:
        _test_run.end()
    if runs and not getattr(item, "_excinfo", None):  # where a TestCase keeps its failure
        _judge(item, runs[-1])
    return result


def _is_followed(item: pytest.Item) -> bool:
    return (
        item.config.getoption("--unslow")
        or item.get_closest_marker(MARKER) is not None
        or not FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
    )


def _start(config: pytest.Config) -> None:
    from unslow.kit import _test_run

    _test_run.start((Path.cwd(), config.rootpath))


def _follow_method(item: pytest.Item, runs: list[Run]) -> bool:
    """Let the run begin and end with the method of a TestCase; False where it is none."""
    case: Any = getattr(item, "instance", None)
    unittest: Any = sys.modules.get("unittest")
    if unittest is None or not isinstance(case, unittest.TestCase):
        return False
    from unslow.kit import _test_run

    call: Callable[[Any], Any] = case._callTestMethod

    def followed(method: Any) -> Any:
        runs.append(_test_run.begin(item.nodeid))
        try:
            return call(method)
        finally:
            _test_run.end()

    case._callTestMethod = followed
    return True


def _judge(item: pytest.Item, run: Run) -> None:
    problems = []
    marker = item.get_closest_marker(MARKER)
    if marker is not None:
        problems.append(_exceeded(run.since(), _limit(marker), item.config))
    if item.config.getoption("--unslow"):
        problems.append(_repeated(item.config, run) or "")
    if any(problems):
        pytest.fail("\n\n".join(filter(None, problems)), pytrace=False)


def _repeated(config: pytest.Config, run: Run) -> str | None:
    """What repeats; a failure of the judge is none of the test's."""
    from unslow.kit import _test_repeats
    from unslow.observe import _wire

    found = _wire.safely(_test_repeats.repeats)(run, functools.partial(_is_test, config))
    return _wire.safely(_test_repeats.message)(found, config.rootpath) if found else ""


def _limit(marker: pytest.Mark) -> int:
    values = (*marker.args, *marker.kwargs.values())
    if len(values) != 1 or not isinstance(values[0], int):
        raise pytest.UsageError(f"@pytest.mark.{MARKER} takes one number: {MARKER}(3)")
    return values[0]


def _is_test(config: pytest.Config, path: str) -> bool:
    """Whether the file is of the tests, not of the application."""
    place = Path(path)
    inside = place.is_relative_to(config.rootpath)
    folders = place.relative_to(config.rootpath).parts[:-1] if inside else ()
    patterns = (*config.getini("python_files"), *NOT_THE_APPLICATION)
    named = any(fnmatch.fnmatch(place.name, pattern) for pattern in patterns)
    return named or not FOLDERS.isdisjoint(folders)


def _exceeded(queries: Sequence[Query], most: int, config: pytest.Config) -> str:
    if len(queries) <= most:
        return ""
    from unslow.kit import _test_repeats

    listed = _test_repeats.listed(queries, config.rootpath)
    return f"max_queries: {len(queries)} queries, {most} allowed\n{listed}"


class _Block:
    """The queries of a `with` block, handed over at its end if it did not fail."""

    def __init__(self, ended: Callable[[list[Query]], None]) -> None:
        self._ended = ended
        self._run: Run | None = None
        self._mark: Mark = ()

    def __enter__(self) -> None:
        from unslow.kit import _test_run

        self._run = _test_run.current()
        if self._run is None:
            raise pytest.UsageError("count queries in a test, not in a fixture: none is running")
        self._mark = self._run.mark()

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        __tracebackhide__ = True
        if kind is None and self._run is not None:
            self._ended(self._run.since(self._mark))


@pytest.fixture(name="max_queries")
def _max_queries(request: pytest.FixtureRequest) -> Callable[[int], _Block]:
    """`with max_queries(3):` fails if the block runs more queries than that."""

    def max_queries(n: int) -> _Block:
        def ended(queries: list[Query]) -> None:
            __tracebackhide__ = True
            if problem := _exceeded(queries, n, request.config):
                pytest.fail(problem)

        return _Block(ended)

    return max_queries


@pytest.fixture(name="query_snapshot")
def _query_snapshot(request: pytest.FixtureRequest) -> Callable[..., _Block]:
    """`with query_snapshot():` fails if the block runs other queries than when it was reviewed.

    A test that takes several names them: `with query_snapshot("list"):`.
    """
    from unslow.kit import _snapshots as kept
    from unslow.kit._test_run import folded

    path = kept.file_of(request.path)
    test = request.node.nodeid.partition("::")[2]
    seen: set[str] = set()

    def query_snapshot(name: str = "") -> _Block:
        key = f"{test} {name}".strip()
        if key in seen:
            raise pytest.UsageError(f"two snapshots of {test} have the name {name!r}: name them")
        seen.add(key)

        def ended(queries: list[Query]) -> None:
            __tracebackhide__ = True
            now = {shape: len(same) for shape, same in folded(queries)}
            if request.config.getoption("--unslow-update"):
                request.config.stash[_snapshots].setdefault(str(path), {})[key] = now
            elif problem := _changed(path, key, now):
                pytest.fail(problem)

        return _Block(ended)

    return query_snapshot


def _changed(path: Path, key: str, now: Counts) -> str:
    from unslow.kit import _snapshots as kept

    tables = kept.read(path)
    if key not in tables:
        return f"query_snapshot: {path.name} has no [{key}]; run pytest --unslow-update"
    if tables[key] == now:
        return ""
    return (
        f"query_snapshot: other queries than {path.name} has for [{key}]\n"
        f"{kept.difference(tables[key], now)}\n"
        "If that is meant, run pytest --unslow-update and review the file's diff."
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config, changed = session.config, session.config.stash[_snapshots]
    if wire := sys.modules.get("unslow.observe._wire"):
        config.stash[_errors] += wire.errors()
    if hasattr(config, "workeroutput"):
        config.workeroutput |= {OUTPUT: changed, ERRORS: config.stash[_errors]}
    elif changed:
        from unslow.kit import _snapshots as kept

        for path, tables in changed.items():
            kept.write(Path(path), tables)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Collect what a worker of xdist saw."""
    told = getattr(node, "workeroutput", None) or {}
    node.config.stash[_errors] += told.get(ERRORS, 0)
    for path, tables in told.get(OUTPUT, {}).items():
        node.config.stash[_snapshots].setdefault(path, {}).update(tables)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for path, tables in config.stash[_snapshots].items():
        place = Path(path)
        name = (
            place.relative_to(config.rootpath) if place.is_relative_to(config.rootpath) else place
        )
        noun = "snapshot" if len(tables) == 1 else "snapshots"
        terminalreporter.write_line(f"unslow: {len(tables)} {noun} written to {name}")
    if count := config.stash[_errors]:
        terminalreporter.write_line(
            f"unslow: its recorder failed {count} times, so that it may have missed something"
        )
