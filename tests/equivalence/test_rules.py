"""The user's own masks: what they leave out, what they do not, and which met nothing."""

from pathlib import Path

import pytest

from tests.equivalence.answers import difference, given, masked
from unslow.errors import UsageError
from unslow.lab.prove.rules import Rules
from unslow.lab.target import RouteMask, read_settings


def rules(glob: str = "GET orders/", **masks: tuple[str, ...]) -> Rules:
    return Rules({glob: RouteMask(**masks)})


@pytest.mark.parametrize("path", ["rows[*].at", "rows.*.at", "$.rows[1].at", "**.at"])
def test_a_masked_path_is_not_compared(path: str) -> None:
    one, other = ({"rows": [{"at": 1, "n": 1}, {"at": at, "n": 1}]} for at in (1, 2))
    assert difference(given(one), given(one), given(other), rules(json=(path,))) == ""


def test_a_masked_value_must_still_be_there() -> None:
    one, other = {"at": 1, "n": 1}, {"n": 1}
    found = difference(given(one), given(one), given(other), rules(json=("at",)))
    assert found == 'at: "(masked)" -> missing'


def test_nothing_else_is_left_out() -> None:
    one, other = {"at": 1, "n": 1}, {"at": 2, "n": 2}
    assert difference(given(one), given(one), given(other), rules(json=("at",))) == "n: 1 -> 2"


@pytest.mark.parametrize("glob", ["GET orders/", "/orders/*", "GET /orders/", "*", "orders/"])
def test_routes_are_globs(glob: str) -> None:
    one, other = given({"at": 1}), given({"at": 2})
    assert difference(one, one, other, rules(glob, json=("at",))) == ""
    assert difference(one, one, other, rules("POST *", json=("at",))) == "at: 1 -> 2"


def test_headers_and_texts_are_masked() -> None:
    one = given("build 17 of Ada", "text/plain", {"X-Build": "17"})
    other = given("build 18 of Ada", "text/plain", {"X-Build": "18"})
    third = given("build 18 of Bob", "text/plain", {"X-Build": "18"})
    mask = rules(headers=("X-Build",), text=(r"build \d+",))
    assert difference(one, one, other, mask) == ""
    assert difference(one, one, third, mask) != ""
    assert (
        difference(given({"x": "build 1"}), given({"x": "build 1"}), given({"x": "build 2"}), mask)
        == ""
    )


def test_used_and_unused_masks_are_told() -> None:
    mask = rules(json=("at", "seen"), headers=("x-id",))
    one = given({"at": 1})
    assert masked(one, one, mask) == ("at (your mask)",)
    assert mask.unused() == ("GET orders/: seen", "GET orders/: header x-id")


def test_masks_are_read_from_the_settings(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.unslow.mask."GET /orders/*"]\njson = ["rows[*].at"]\nheaders = ["x-id"]\n'
    )
    assert read_settings(tmp_path).mask == {
        "GET /orders/*": RouteMask(json=("rows[*].at",), headers=("x-id",))
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[tool.unslow.mask."GET /"]\njsn = ["a"]\n', "jsn"),
        ('[tool.unslow.mask."GET /"]\ntext = ["("]\n', "no regular expression"),
        ('[tool.unslow.mask."GET /"]\njson = "a"\n', "array"),
    ],
)
def test_a_mistake_in_a_mask_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_settings(tmp_path)
