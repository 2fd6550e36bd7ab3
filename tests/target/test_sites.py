from unslow.lab.target._sites import Relative
from unslow.model import Link, Load, Origin, Query, Request, Site


def seen(path: str, link: Link) -> Request:
    origin = Origin("1", "shop.Order", (link,))
    site = Site(path, 1, 1, 0, 9, "view")
    load = Load("forward", "django", parent="shop.Order", origin=origin, queryset=origin)
    query = Query("SELECT 1", "SELECT ?", "f", 0.0, 1.0, stack=(site,), load=load)
    return Request("1", "GET", "/", "", 200, 1.0, queries=(query,), view=site)


def link(path: str) -> Link:
    return Link("filter", (Site(path, 1, 1, 0, 9, "view"),), direct=False, manager_frames=1)


def test_what_lies_outside_of_the_folders_stays():
    request = seen("/else/a.py", link("/else/a.py"))
    assert Relative({"/app": ""}).request(request) == request


def test_only_the_paths_change():
    relative = Relative({"/app": "", "/venv/argus": "argus"})
    assert relative.request(seen("/app/a.py", link("/venv/argus/b.py"))) == (
        seen("a.py", link("argus/b.py"))
    )
