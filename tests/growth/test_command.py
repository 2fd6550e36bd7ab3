"""What `--grow` takes."""

import pytest
from typer.testing import CliRunner

from unslow.cli._app import app
from unslow.cli._values import sizes
from unslow.errors import UsageError


@pytest.mark.parametrize(
    "text", ["4", "1,4", "1,4,4", "4,1,16", "1,4,10", "0,4,16", "1,x,4", "1,,4"]
)
def test_sizes_that_tell_no_growth_are_refused_with_an_example(text) -> None:
    with pytest.raises(UsageError, match=r"three sizes or more.*1,4,16"):
        sizes(text, "--grow")


@pytest.mark.parametrize(
    ("text", "found"), [("", ()), ("1,4,16", (1, 4, 16)), ("2, 4, 8, 16", (2, 4, 8, 16))]
)
def test_sizes_are_multiples(text, found) -> None:
    assert sizes(text, "--grow") == found


def test_the_command_refuses_them_before_anything_is_started(tmp_path) -> None:
    done = CliRunner().invoke(app, ["audit", str(tmp_path), "--grow", "1,5"])
    assert done.exit_code == 2
    assert "--grow 1,5: write three sizes" in done.output
