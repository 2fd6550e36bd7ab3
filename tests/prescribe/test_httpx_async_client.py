"""How the application's asynchronous client asks instead of a blocking one."""

# ruff: noqa: E501 -- sources in one line

import pytest

from tests.prescribe.waiting import advice, assert_page, fixed, patch
from unslow.lab.prescribe import httpx_async_client as fixer

HEAD = "import httpx\nimport requests\n\nclient = httpx.AsyncClient(timeout=5)\n\n\n"
CALL = "«requests.get(URL, timeout=3)»"


def view(*lines, head=HEAD):
    return f"{head}async def view():\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    "text",
    [
        view(f"return {CALL}.json()", head=HEAD.replace("client =", "client = other =")),
        view(f"return {CALL}.json()", head="import requests\n\n\n"),
        view(f"return {CALL}.json()", head=HEAD.replace("timeout=5", "auth=KEY")),
        view(f"return {CALL}.json()", head=HEAD.replace("timeout=5", "headers=KEY")),
        view("return «requests.get(URL)».json()"),
        view("return «requests.get(URL, timeout=3, verify=False)».json()"),
        view("return «requests.get(URL, timeout=3, auth=KEY)».json()"),
        view("return «requests.get(URL, None, timeout=3)».json()"),
        view("return «requests.get(URL, timeout=(3, 9))».json()"),
        view("return «requests.get(URL, params=rows, timeout=3)».json()"),
        view(f"return {CALL}.ok"),
        view(f"return use({CALL})"),
        view(f"answer = {CALL}", "return answer.json(), answer.elapsed"),
        view("try:", f"    return {CALL}.json()", "except requests.RequestException:", "    return 1"),
        view(f"return lambda: {CALL}.json()"),
        view(f"return {CALL}.json()").replace("async def", "def"),
        view("return «session.get(URL, timeout=3)».json()"),
        view("return «requests.Session()»"),
    ],
)  # fmt: skip
def test_nothing_is_written(bench, text) -> None:
    bench.write(text)
    assert advice(bench, fixer) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"return {CALL}.json()", "return (await client.get(URL, timeout=3, follow_redirects=True)).json()"),
        ("return «requests.head(URL, timeout=3)».headers", "return (await client.head(URL, timeout=3)).headers"),
        ("return «httpx.post(URL, json=row)»", "return await client.post(URL, json=row)"),
    ],
)  # fmt: skip
def test_the_call_is_awaited(bench, before, after) -> None:
    bench.write(view(before))
    text = fixed(bench, fixer)
    assert "".join(text.split()) == "".join(view(after).split())


TWIN = "import httpx\n\nslow = httpx.Client(timeout=5)\nclient = httpx.AsyncClient(timeout=5)\n\n\n"


def test_a_blocking_client_gives_way_to_its_twin(bench) -> None:
    bench.write(view("return «slow.get(URL, params=rows)».json()", head=TWIN))
    after = "return (await client.get(URL, params=rows)).json()"
    assert fixed(bench, fixer) == view(after, head=TWIN)


def test_a_client_made_otherwise_is_no_twin(bench) -> None:
    head = TWIN.replace("AsyncClient(timeout=5)", "AsyncClient(base_url=URL)")
    bench.write(view("return «slow.get(URL)».json()", head=head))
    assert advice(bench, fixer) == []


def test_the_client_of_another_module_is_imported(bench) -> None:
    bench.write("import httpx\n\nclient = httpx.AsyncClient()\n", "shop/partner.py")
    bench.write(view(f"return {CALL}.json()", head="import requests\n\n\n"))
    assert "from shop.partner import client\n" in fixed(bench, fixer)


def test_two_clients_are_none(bench) -> None:
    bench.write("import httpx\n\nclient = httpx.AsyncClient()\n", "shop/partner.py")
    bench.write("import httpx\n\nclient = httpx.AsyncClient()\n", "shop/bank.py")
    bench.write(view(f"return {CALL}.json()", head="import requests\n\n\n"))
    assert advice(bench, fixer) == []


def test_it_is_judged_by_requests_that_meet(bench) -> None:
    bench.write(view(f"return {CALL}.json()"))
    found = patch(bench, fixer)
    assert (found.metric, found.at_once, found.safety) == ("wall", 4, "review")


def test_the_page_shows_what_is_written(bench) -> None:
    assert_page(bench, fixer, "requests.get(RATES, timeout=3)")
