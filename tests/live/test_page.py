"""The page in a real headless browser: what a person sees, clicks and types."""

import pytest

from tests.live.chromium import found, tab
from tests.live.conftest import Live

BROWSER = found()
pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no chromium here: apt-get install chromium, or set UNSLOW_TEST_BROWSER"
)


@pytest.fixture(scope="module")
def page(shop: Live):
    with tab(BROWSER or "") as it:
        it.appear(1280, 800)
        it.open(shop.url)
        it.until("connected")
        yield it
        assert it.messages == []
        hosts = {url.split("/")[2] for url in it.requested if "://" in url}
        assert hosts == {shop.url.split("/")[2]}


def text(page, selector: str) -> str:
    return str(page.run(f"document.querySelector({selector!r}).innerText"))


def test_a_request_appears_by_itself_and_is_drawn(page, shop) -> None:
    shop.ask("/books/")
    page.until("document.querySelector('#requests a[aria-current]')")
    page.until("document.querySelector('.lanes')")
    assert text(page, "#detail h2") == "GET books/"
    row = text(page, "#requests a").split("\n")
    assert "×12" in row
    assert text(page, ".lanes .repeated") == "×12"
    assert page.run("document.querySelectorAll('.chart.again rect').length") == 12
    assert page.run("[...document.querySelectorAll('.parts dt')].map(it => it.innerText)")[0] == (
        "Database"
    )
    assert "Django" in text(page, "#facts")
    assert "nothing is cloned, redirected or blocked" in text(page, "footer")


def test_the_bars_lie_within_the_request(page) -> None:
    outside = page.run(
        "[...document.querySelectorAll('.chart rect')].filter(it => it.x.baseVal.value < 0 ||"
        " it.x.baseVal.value + it.width.baseVal.value > 1001).length"
    )
    assert outside == 0


def test_a_finding_shows_its_cause_and_opens_the_editor(page, shop) -> None:
    shop.ask("/books/")
    page.until("findings.length")
    page.press("2")
    page.run("document.querySelector('#findings a').click()")
    page.until("document.querySelector('.diff')")
    assert text(page, "#detail mark") == 'models.Book.objects.order_by("title")'
    assert 'select_related("author")' in text(page, ".diff")
    link = page.run("document.querySelector('#detail a.place').getAttribute('href')")
    assert link.startswith("vscode://file/")
    assert link.endswith("manage.py:13:13")
    assert page.run("location.hash").startswith("#f/")
    page.press("Escape")


def test_it_works_by_keyboard_alone(page, shop) -> None:
    shop.ask("/add/")
    shop.ask("/books/")
    page.until("[...requests.values()].filter(it => it.path === '/add/').length")
    page.press("1")
    page.press("j")
    page.until("document.activeElement.getAttribute('aria-current') === 'true'")
    first = page.run("location.hash")
    page.press("j")
    page.until(f"location.hash !== {first!r}")
    page.press("/")
    assert page.run("document.activeElement.id") == "filter"
    for letter in "add":
        page.press(letter)
    page.until(
        "[...document.querySelectorAll('#requests .what')].every(it => it.title === '/add/')"
    )
    page.press("Escape")
    page.until("document.querySelector('#filter').value === ''")
    page.press("?")
    page.until("document.querySelector('dialog').open")
    page.run("document.querySelector('dialog').close()")
    page.press("Escape")


def test_nothing_of_the_application_is_markup(page, shop) -> None:
    shop.ask("/broken/?%3Cimg src=x onerror=alert(1)%3E".replace(" ", "%20"))
    page.until("document.querySelector('.error')")
    assert text(page, ".error") == "ValueError: <script>broken</script>"
    assert page.run("document.querySelectorAll('#detail script, #detail img').length") == 0


def test_a_paused_list_stays_and_goes_on(page, shop) -> None:
    page.press("p")
    page.until("document.querySelector('#pause').getAttribute('aria-pressed') === 'true'")
    shown = page.run("document.querySelectorAll('#requests li').length")
    shop.ask("/add/")
    page.until("[...requests.values()].at(-1).path === '/add/'")
    assert page.run("document.querySelectorAll('#requests li').length") == shown
    page.press("p")
    page.until(f"document.querySelectorAll('#requests li').length > {shown}")


def test_it_is_readable_by_day_and_by_night(page) -> None:
    seen = {}
    for scheme in ("light", "dark"):
        page.appear(1280, 800, scheme)
        seen[scheme] = page.run(
            "['color', 'backgroundColor'].map(it => getComputedStyle(document.body)[it])"
        )
    page.appear(1280, 800)
    assert seen["light"][1] == "rgb(252, 252, 250)"
    assert seen["dark"][1] == "rgb(20, 23, 26)"
    assert seen["light"][0] != seen["dark"][0]


def test_nothing_is_cut_off_on_a_narrow_screen(page) -> None:
    page.appear(420, 800)
    assert page.run("document.documentElement.scrollWidth") <= 420
    page.appear(1280, 800)


def test_a_page_whose_application_has_ended_says_so(tmp_path) -> None:
    import signal
    import sys

    from tests.live.conftest import free_port, live

    port = free_port()
    command = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port))
    with live(tmp_path, command, port, "Serving HTTP") as running, tab(BROWSER or "") as page:
        page.open(running.url)
        page.until("document.querySelector('#state').innerText.includes('process')")
        assert "Waiting for a request" in text(page, "#requests")
        running.process.send_signal(signal.SIGINT)
        page.until("document.querySelector('#state').innerText === 'Ended'")
