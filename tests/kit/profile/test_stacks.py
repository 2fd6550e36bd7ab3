"""Counted stacks: memory has an end, and routes are those that requests turn out to have."""

import sys

import pytest

from unslow.kit import _stacks
from unslow.kit._stacks import NO_REQUEST, NO_ROUTE, Stacks
from unslow.observe._record import RequestRecord


def record(path: str = "/7", route: str = "") -> RequestRecord:
    found = RequestRecord("", "GET", path, threaded=True)
    found.route = route
    return found


def frame_of(source: str):
    """A frame in a new function, as an application makes them that compiles code."""
    space = {"sys": sys}
    exec(f"def made():\n{source} return sys._getframe()", space)
    return space["made"]()


def seen(stacks: Stacks) -> dict[str, int]:
    counted: dict[str, int] = {}
    for one in stacks.snapshot().counted:
        counted[one.route] = counted.get(one.route, 0) + one.looks
    return counted


def test_nothing_was_seen_at_first() -> None:
    assert Stacks(50).snapshot().counted == ()


def test_a_path_is_no_route_and_a_thousand_paths_are_one() -> None:
    stacks, frame = Stacks(50), sys._getframe()
    for number in range(1000):
        one = record(f"/no/such/{number}")
        stacks.add(one, [frame])
        one.closed = True
        stacks.looked()
    assert seen(stacks) == {NO_ROUTE: 1000}
    assert len(stacks.snapshot().counted) == 1


def test_the_route_is_the_one_that_is_known_at_the_end() -> None:
    stacks, one = Stacks(50), record()
    stacks.add(one, [sys._getframe()])
    stacks.looked()
    one.route = "/<int:pk>"
    stacks.add(None, [sys._getframe()])
    assert seen(stacks) == {"GET /<int:pk>": 1, NO_REQUEST: 1}
    one.closed = True
    stacks.looked()
    assert seen(stacks) == {"GET /<int:pk>": 1, NO_REQUEST: 1}


@pytest.mark.parametrize("limit", ["MAX_STACKS", "MAX_PLACES"])
def test_what_is_too_much_is_counted_together(limit, monkeypatch) -> None:
    monkeypatch.setattr(_stacks, limit, 10)
    stacks = Stacks(50)
    for number in range(100):
        stacks.add(None, [frame_of("\n" * number)])
    counted = stacks.snapshot().counted
    assert len(counted) <= 11
    assert sum(one.looks for one in counted) == 100
    assert any(one.stack == (_stacks.OTHERS,) for one in counted)


def test_requests_that_never_end_take_no_more_room(monkeypatch) -> None:
    monkeypatch.setattr(_stacks, "MAX_OPEN", 10)
    stacks = Stacks(50)
    for _ in range(100):
        stacks.add(record(), [sys._getframe()])
    assert len(stacks._open) == 10
    assert seen(stacks) == {NO_ROUTE: 100}


def test_a_stack_that_is_too_deep_keeps_its_innermost_calls() -> None:
    stacks, frame = Stacks(50), sys._getframe()
    other = frame_of("")
    stacks.add(None, [other, *[frame] * 1000])
    (counted,) = stacks.snapshot().counted
    assert len(counted.stack) == _stacks.MAX_DEPTH + 1
    assert (counted.stack[0], counted.stack[-1].function) == (_stacks.DEEPER, "made")


def test_functions_that_come_and_go_are_not_taken_for_each_other() -> None:
    stacks = Stacks(50)
    for number in range(50):
        space = {"sys": sys}
        exec(f"def made_{number}(): return sys._getframe()", space)
        stacks.add(None, [space.pop(f"made_{number}")()])
    names = {one.stack[0].function for one in stacks.snapshot().counted}
    assert names == {f"made_{number}" for number in range(50)}
