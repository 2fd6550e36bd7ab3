from json import loads

import jsonschema
import msgspec

from tests.report.sample import clean
from unslow.lab.report import _budget as say
from unslow.lab.report import html, json, markdown, sarif, terminal
from unslow.model import (
    Budget,
    EndpointBudget,
    Interval,
    Report,
    Site,
    Skipped,
    Slowdown,
    Spender,
    Spent,
)

CAUSE = Site("shop/views.py", 10, 10, 4, 30, "orders")
OTHER = Site("shop/owners.py", 3, 3, 4, 30, "owner_of")
SLOWER = Interval(0.8, 0.75, 0.85)


def endpoint(route: str = "orders/", queries: int = 2, limit: int | None = 3) -> EndpointBudget:
    statements = (
        Spender("SELECT * FROM owners WHERE id = ?", queries - 1, queries - 1, OTHER, 0),
        Spender("SELECT * FROM orders", 1, 20, CAUSE, 1),
    )
    spent = Spent("queries", queries, limit, f"GET {route}", 1, f"2 of 4: {route}?page=…")
    if spent.exceeded:
        spent = msgspec.structs.replace(spent, spenders=statements)
    return EndpointBudget(
        f"GET {route}", 4, (spent, Spent("rows", 20), Spent("bytes", 1200)), view=CAUSE
    )


def report(*endpoints: EndpointBudget, **fields: object) -> Report:
    found = Budget(endpoints, **{"base": "main (1a2b3c4)", **fields})
    return msgspec.structs.replace(clean(), budget=found)


def timed(status: str, speedup: Interval | None = SLOWER, reason: str = "") -> EndpointBudget:
    time = Slowdown(0.05, "default", status, speedup, 6, "cpu", reason)
    return msgspec.structs.replace(endpoint(), time=time)


def test_within_the_budget_no_statement_and_no_place_is_shown() -> None:
    for render in (terminal.render, markdown.render):
        text = render(report(endpoint()))
        assert "within budget" in text.replace("The endpoint is", "the endpoint is")
        assert "SELECT" not in text
        assert "shop/" not in text
    assert "shop/" not in sarif.render(report(endpoint()))


def test_every_breach_is_told_in_every_format() -> None:
    over = report(endpoint(queries=41))
    for text in (terminal.render(over), markdown.render(over), html.render(over)):
        assert "41 queries, 3 allowed by" in text
        assert "2 of 4: orders/?page=…" in text
        assert "shop/owners.py:3:5 in owner_of" in text
        assert "0 on the base" in text
        assert "1 → 41/3" in text


def test_a_slowdown_is_told_with_its_interval_and_its_budget() -> None:
    text = markdown.render(report(timed("exceeded")))
    assert "+25 % \\[+18 %, +33 %\\] CPU in 6 launch pairs, +5 % allowed by 'default'" in text
    assert "**+25 % [+18 %, +33 %]/+5 %**" in text


def test_what_was_not_shown_to_be_within_fails_nothing_and_is_said() -> None:
    open_one = report(timed("open", Interval(0.97, 0.9, 1.05)))
    assert not open_one.budget.exceeded
    assert "? not shown to be within" in markdown.render(open_one)
    assert "+3.1 % [-4.8 %, +11 %]/+5 %" in terminal.render(open_one)


def test_a_time_that_was_not_measured_has_its_reason() -> None:
    one = report(timed("not-measured", None, "the base does not answer it"))
    assert "Not checked: GET orders/: no time, the base does not answer it" in terminal.render(one)


def test_endpoints_that_could_not_be_exercised_are_told_with_the_reason() -> None:
    one = report(endpoint(), unchecked=("GET login/",))
    one = msgspec.structs.replace(one, skipped=(Skipped("GET login/", "answers 403"),))
    assert "Not checked: `GET login/`: answers 403" in markdown.render(one)


def test_the_comment_is_found_again_by_its_first_line() -> None:
    first, second = (
        markdown.render(report(endpoint(queries=queries))).splitlines()[0] for queries in (2, 41)
    )
    assert first == second
    assert first.startswith("<!-- unslow check: ")
    assert first.endswith(" -->")


def test_a_comment_on_a_thousand_endpoints_still_fits() -> None:
    many = [endpoint(f"{'very/' * 20}long/{number}/", queries=41) for number in range(500)]
    many += [endpoint(f"{'very/' * 20}fine/{number}/") for number in range(500)]
    text = markdown.render(report(*many))
    assert len(text.encode()) <= say.MAX_BYTES
    assert "500 of 1 000 endpoints over budget" in text
    assert "did not fit here" in text


def test_endpoints_as_on_the_base_are_folded() -> None:
    same = msgspec.structs.replace(
        endpoint("same/"), counters=(Spent("queries", 2, 3, "GET same/", 2),)
    )
    text = markdown.render(report(endpoint(queries=41), same))
    assert text.index("GET orders/") < text.index("<details>") < text.index("GET same/")


def test_markup_of_the_application_stays_text() -> None:
    text = markdown.render(report(endpoint("<script>|x/", queries=41)))
    assert "| `GET <script>\\|x/` |" in text
    assert "<script>|" not in text.replace("`GET <script>\\|x/`", "")
    assert "<script>" not in html.render(report(endpoint("<script>/", queries=41)))


def test_code_scanning_gets_a_result_at_the_costliest_line() -> None:
    [run] = loads(sarif.render(report(endpoint(queries=41))))["runs"]
    [result] = run["results"]
    assert result["ruleId"] == "budget"
    assert run["tool"]["driver"]["rules"][0]["helpUri"].endswith("/ci.html")
    [location] = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "shop/owners.py"
    assert location["physicalLocation"]["region"]["startLine"] == 3


def test_a_result_always_has_a_place() -> None:
    nowhere = msgspec.structs.replace(timed("exceeded"), view=None)
    [result] = loads(sarif.render(report(nowhere)))["runs"][0]["results"]
    assert result["locations"]


def test_a_budget_survives_the_round_trip_and_follows_the_schema() -> None:
    one = report(endpoint(queries=41), timed("exceeded"))
    assert json.parse(json.render(one)) == one
    jsonschema.validate(loads(json.render(one)), loads(json.shipped_schema()))
