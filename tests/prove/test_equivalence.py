import json

from unslow.lab.prove.equivalence import Equivalence, Played, answer, summary
from unslow.lab.workload import Call, Response

ORDERS = Call("GET", "/api/orders/", "GET api/orders/")
JSON = (("Content-Type", "application/json"),)
HTML = (("Content-Type", "text/html; charset=utf-8"),)


def played(
    body: object, *, status: int = 200, headers: tuple[tuple[str, str], ...] = JSON, port: int = 1
) -> Played:
    text = body if isinstance(body, str) else json.dumps(body)
    response = Response(status, headers, text.encode(), 0.1)
    return [(ORDERS, answer(response, f"http://127.0.0.1:{port}"))]


def first(before: Played, again: Played, after: Played) -> str:
    return summary(Equivalence(before, again).compare(after)).first_difference


def json_difference(before: object, after: object, again: object | None = None) -> str:
    return first(played(before), played(before if again is None else again), played(after))


def html_difference(before: str, after: str, again: str | None = None) -> str:
    pages = (before, before if again is None else again, after)
    return first(*(played(page, headers=HTML) for page in pages))


def test_silent_when_the_bodies_are_equal() -> None:
    assert json_difference({"a": [1, 2.50, None]}, {"a": [1, 2.50, None]}) == ""


def test_silent_when_only_the_key_order_differs() -> None:
    assert json_difference({"a": 1, "b": 2}, {"b": 2, "a": 1}) == ""


def test_silent_when_identical_code_differs_at_the_same_path() -> None:
    before = [{"id": 1, "seen": "10:00"}, {"id": 2, "seen": "10:00"}]
    again = [{"id": 1, "seen": "10:01"}, {"id": 2, "seen": "10:00"}]
    after = [{"id": 1, "seen": "10:00"}, {"id": 2, "seen": "10:02"}]
    assert json_difference(before, after, again) == ""


def test_silent_when_identical_code_orders_differently() -> None:
    assert json_difference({"tags": ["a", "b", "c"]}, {"tags": ["c", "b", "a"]}) != ""
    assert (
        json_difference({"tags": ["a", "b", "c"]}, {"tags": ["c", "b", "a"]}, {"tags": list("bac")})
        == ""
    )


def test_silent_when_the_difference_is_the_port() -> None:
    page = {"next": "http://127.0.0.1:1/api/orders/?page=2"}
    other = {"next": "http://127.0.0.1:2/api/orders/?page=2"}
    assert first(played(page), played(page), played(other, port=2)) == ""


def test_silent_when_only_the_date_header_differs() -> None:
    before = played([], headers=(*JSON, ("Date", "now")))
    after = played([], headers=(*JSON, ("Date", "later"), ("Server", "other")))
    assert first(before, before, after) == ""


def test_silent_when_the_cookie_value_differs() -> None:
    before = played([], headers=(*JSON, ("Set-Cookie", "sessionid=a; Path=/")))
    after = played([], headers=(*JSON, ("Set-Cookie", "sessionid=b; Path=/")))
    again = played([], headers=(*JSON, ("Set-Cookie", "sessionid=c; Path=/")))
    assert first(before, again, after) == ""


def test_silent_when_csrf_tokens_and_nonces_differ() -> None:
    page = (
        '<script nonce="{0}">x</script>'
        '<input type="hidden" name="csrfmiddlewaretoken" value="{0}"><p>ok</p>'
    )
    assert html_difference(page.format("abc"), page.format("xyz")) == ""


def test_silent_when_html_differs_in_white_space() -> None:
    assert html_difference("<p>a  b</p>", "<p>a\n b</p>\n") == ""


def test_silent_when_an_html_token_of_the_same_form_is_noise() -> None:
    page = "<p>request {} took</p>"
    assert (
        html_difference(
            page.format("3fa9c0d17b22"), page.format("91b2ff004e1d"), page.format("a" * 12)
        )
        == ""
    )


def test_silent_when_both_fail_with_another_error_page() -> None:
    before, after = played("at 0x7f", status=500), played("at 0x8a", status=500)
    assert first(before, before, after) == ""


def test_names_the_path_of_a_changed_value() -> None:
    before = [{"customer": {"name": "x"}}] * 4
    after = [*before[:3], {"customer": {"name": None}}]
    assert json_difference(before, after) == ('GET /api/orders/ [3].customer.name: "x" -> null')


def test_names_a_dropped_and_an_added_field() -> None:
    assert json_difference({"a": 1, "b": 2}, {"a": 1}) == "GET /api/orders/ b: 2 -> missing"
    assert json_difference({"a": 1}, {"a": 1, "b": 2}) == "GET /api/orders/ b: missing -> 2"


def test_names_lost_rows() -> None:
    rows = [{"id": number} for number in range(20)]
    assert json_difference({"results": rows}, {"results": rows[:18]}) == (
        "GET /api/orders/ results: 20 items -> 18 items"
    )


def test_order_is_a_difference_when_identical_code_keeps_it() -> None:
    assert json_difference([1, 2], [2, 1]) == "GET /api/orders/ [0]: 1 -> 2"


def test_a_number_of_another_type_or_text_is_a_difference() -> None:
    assert json_difference({"total": 1}, {"total": "1"}) != ""
    assert json_difference({"total": 1}, {"total": True}) != ""
    assert json_difference({"total": 1}, {"total": 1.0}) != ""
    before, after = played('{"total": 1.50}'), played('{"total": 1.5}')
    assert first(before, before, after) == "GET /api/orders/ total: 1.50 -> 1.5"


def test_a_masked_value_must_still_be_there_and_keep_its_type() -> None:
    before, again = {"at": "10:00"}, {"at": "10:01"}
    assert json_difference(before, {}, again) == 'GET /api/orders/ at: "10:00" -> missing'
    assert json_difference(before, {"at": None}, again) == 'GET /api/orders/ at: "10:00" -> null'


def test_reordered_items_that_are_noise_must_still_be_the_same_items() -> None:
    assert json_difference(["a", "b"], ["b", "c"], ["b", "a"]) != ""


def test_names_a_changed_status_and_header() -> None:
    before = played([])
    assert first(before, before, played([], status=404)) == ("GET /api/orders/ status: 200 -> 404")
    moved = played([], headers=(*JSON, ("Location", "/elsewhere")))
    assert first(before, before, moved) == (
        "GET /api/orders/ header location: missing -> /elsewhere"
    )


def test_names_changed_text_in_html() -> None:
    found = html_difference("<p>Ada</p><p>Bo</p>", "<p>Ada</p><p>Cy</p>")
    assert found.endswith("Bo -> Cy")
    assert html_difference("<p>a</p>", "<p>a</p><p>b</p>") != ""


def test_other_content_is_compared_byte_by_byte() -> None:
    plain = (("Content-Type", "image/x-icon"),)
    before, after = played("a,b", headers=plain), played("b,a", headers=plain)
    assert first(before, before, after) == "GET /api/orders/ body: 3 bytes -> 3 other bytes"


def test_the_summary_counts_and_names_what_is_masked() -> None:
    before, again = played({"at": 1, "id": 7}), played({"at": 2, "id": 7})
    judge = Equivalence(before, again)
    found = summary(judge.compare(played({"at": 3, "id": 7})), judge.masked())
    assert (found.compared, found.equal) == (1, 1)
    assert found.masked == ("GET api/orders/: at (number)",)
