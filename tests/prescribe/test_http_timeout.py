"""How a call gets its timeout."""

import pytest

from tests.prescribe.waiting import advice, assert_page, fixed, patch, refused
from unslow.lab.prescribe import http_timeout as fixer


@pytest.mark.parametrize(
    "call",
    [
        "stripe.Charge.create(1)",
        "client.get(url, **options)",
        "client.get(url, timeout=LIMIT)",
        "client.get(x for x in y)",
        "client.send(request)",
        "client.get()",
    ],
)
def test_nothing_is_written(bench, call) -> None:
    bench.write(f"def view(client, url):\n    «{call}»\n")
    assert refused(bench, fixer)


def test_silent_without_a_call(bench) -> None:
    bench.write("def view(row):\n    return «row.client»\n")
    assert advice(bench, fixer) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("requests.get(url)", "requests.get(url, timeout=10)"),
        ("urlopen(url,)", "urlopen(url, timeout=10,)"),
        ("await client.post(url, json=data)", "await client.post(url, json=data, timeout=10)"),
        ("client.get(url, timeout=None)", "client.get(url, timeout=10)"),
        ("client.get(*args)", "client.get(*args, timeout=10)"),
        (
            "client.get(\n        url,\n        params=x,\n    )",
            "client.get(\n        url,\n        params=x,\n        timeout=10,\n    )",
        ),
    ],
)
def test_the_timeout_is_added(bench, before, after) -> None:
    bench.write(f"async def view(client, url):\n    «{before}»\n")
    assert fixed(bench, fixer) == f"async def view(client, url):\n    {after}\n"


def test_the_gates_decide(bench) -> None:
    bench.write("def view(url):\n    «requests.get(url)»\n")
    assert patch(bench, fixer).metric == "gate"


def test_the_page_shows_what_is_written(bench) -> None:
    assert_page(bench, fixer, 'requests.get("https://rates.example/today")')
