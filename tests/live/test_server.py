"""The page's server answers at one secret address of this machine, and sends nothing elsewhere."""

import http.client
from pathlib import Path

import pytest

from unslow.errors import UsageError
from unslow.lab.live._analysis import Analysis
from unslow.lab.live._places import Places
from unslow.lab.live._seen import Seen, State
from unslow.lab.live._server import Page
from unslow.lab.live._told import Teller


@pytest.fixture
def page(tmp_path):
    places = Places(tmp_path, "vscode://file/{path}:{line}:{column}")
    teller = Teller(places, lambda sql, parameters: None)
    seen = Seen(State("command", str(tmp_path)), teller)
    it = Page(0, seen, Analysis(seen, places, teller), teller)
    it.start()
    yield it
    seen.close()
    it.close()


def ask(page: Page, path: str, method: str = "GET", **headers: str) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.getheader("Content-Security-Policy", ""), body


def test_refused_without_the_secret_and_under_another_name(page) -> None:
    ours = f"/{page.token}/"
    for path in ("/", "/live.js", f"/{page.token}", f"/{page.token[:-1]}/", f"//{page.token}/x"):
        assert ask(page, path)[0] in (403, 404), path
    assert ask(page, "/")[0] == 403
    assert ask(page, ours, Host="evil.example")[0] == 403
    assert ask(page, ours, Host=f"evil.example:{page.port}")[0] == 403
    assert ask(page, ours + "forget", "POST", Host="evil.example")[0] == 403
    assert ask(page, "/wrong/forget", "POST")[0] == 403
    assert ask(page, f"{ours}../_server.py")[0] == 404
    assert ask(page, f"{ours}request/none")[0] == 404
    assert ask(page, f"{ours}finding/none")[0] == 404


def test_answers_at_its_address_with_a_strict_policy(page) -> None:
    for name in ("", "live.css", "live.js"):
        status, policy, body = ask(page, f"/{page.token}/{name}")
        assert status == 200
        assert body
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
    assert ask(page, f"/{page.token}/", Host=f"localhost:{page.port}")[0] == 200


def test_the_files_name_no_other_address() -> None:
    import unslow.lab.live

    folder = Path(unslow.lab.live.__file__).parent / "page"
    for file in folder.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text
        assert "https:" not in text
        assert "innerHTML" not in text


def test_a_taken_port_names_the_remedy(page) -> None:
    with pytest.raises(UsageError, match="Choose another --port"):
        Page(page.port, page._seen, page._analysis, page._teller)
