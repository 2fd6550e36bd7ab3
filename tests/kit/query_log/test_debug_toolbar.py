"""The panel in a real toolbar: rendered into a page, asked for as the browser asks."""

import pytest

from tests.kit.ground.test_embedded import run
from tests.kit.query_log.applications import DJANGO, SQLITE

TOOLBAR = """
INSTALLED_APPS=["django.contrib.staticfiles", "debug_toolbar"], DEBUG=True, STATIC_URL="/static/",
    INTERNAL_IPS=["127.0.0.1"], DEBUG_TOOLBAR_CONFIG={"IS_RUNNING_TESTS": False},
    DEBUG_TOOLBAR_PANELS=["debug_toolbar.panels.sql.SQLPanel",
        "debug_toolbar.panels.timer.TimerPanel", "unslow.kit.debug_toolbar.QueriesPanel"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
"""
PAGES = """
import asyncio, re
from django.test import AsyncClient
from debug_toolbar.toolbar import debug_toolbar_urls

def page(request):
    return HttpResponse("<html><body>" + books(request).content.decode() + "</body></html>")

async def awaited(request):
    names = [author.name async for author in Author.objects.filter(name__startswith="secret")]
    return HttpResponse(f"<html><body>{len(names)}</body></html>")

def empty(request):
    return HttpResponse("<html><body>none</body></html>")

urlpatterns += [path("page/", page), path("awaited/", awaited), path("empty/", empty),
    *debug_toolbar_urls()]

def shown(response):
    html = response.content.decode()
    request_id = re.search(r'data-request-id="(\\w+)"', html)[1]
    subtitle = re.search(r'Queries by place.*?<small[^>]*>(.*?)</small>', html, re.DOTALL)[1]
    answer = Client().get("/__debug__/render_panel/",
        {"request_id": request_id, "panel_id": "QueriesPanel"})
    return [subtitle.strip(), answer.json()["content"]]
"""


def project(middleware: str) -> str:
    text = DJANGO.replace("INSTALLED_APPS=[],", TOOLBAR)
    return SQLITE + text.replace('["unslow.kit.django.Middleware"]', middleware) + PAGES


ALONE = '["debug_toolbar.middleware.DebugToolbarMiddleware"]'
BELOW = '["unslow.kit.django.Middleware", "debug_toolbar.middleware.DebugToolbarMiddleware"]'


@pytest.mark.parametrize("middleware", [ALONE, BELOW])
def test_a_page_has_its_queries_folded_with_their_causes(tmp_path, middleware) -> None:
    subtitle, content, empty, after = run(
        tmp_path,
        project(middleware)
        + """
from unslow.observe import _record
after = Client().get("/page/")
print(json.dumps([*shown(after), shown(Client().get("/empty/")), _record.current() is None]))
""",
    )
    assert subtitle.startswith("8 in ")
    assert subtitle.endswith(" ms, one of them ×7")
    assert "<strong>×7</strong>" in content
    assert "<code>book.author</code>" in content
    assert "books.Book.author of the rows of program.py:" in content
    assert "&quot;books_author&quot;.&quot;id&quot; = ?" in content
    assert "secret" not in content
    assert empty[0] == "0 in 0.0 ms"
    assert "This request ran no query." in empty[1]
    assert after is True


@pytest.mark.parametrize("middleware", [ALONE, BELOW])
def test_views_that_are_awaited_have_it_too(tmp_path, middleware) -> None:
    subtitle, content = run(
        tmp_path,
        project(middleware)
        + """
async def main():
    return await AsyncClient().get("/awaited/")
print(json.dumps(shown(asyncio.run(main()))))
""",
    )
    assert subtitle.startswith("1 in ")
    assert "program.py:" in content
    assert "in awaited" in content


def test_a_failure_of_the_recorder_leaves_the_page_as_it_is(tmp_path) -> None:
    status, subtitle, errors = run(
        tmp_path,
        project(ALONE)
        + """
from unslow.kit import debug_toolbar
def broken(queries):
    raise ValueError("broken")
debug_toolbar.fold = broken
response = Client().get("/page/")
print(json.dumps([response.status_code, shown(response)[0], _wire.errors()]))
""",
    )
    assert (status, subtitle, errors) == (200, "0 in 0.0 ms", 1)
