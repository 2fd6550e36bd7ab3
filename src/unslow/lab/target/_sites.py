"""Makes recorded sites relative to the source roots, and equal ones the same object."""

from collections.abc import Mapping

from msgspec.structs import replace

from unslow.model import Import, Link, Load, Model, Origin, Query, Request, Route, Site


class Relative:
    """Rewrites absolute paths below one of the `folders`; others stay as they are. The value of
    a folder comes before what remains of the path ("" or a package's name).

    Sites and origins are kept in memory once, since a request of a hundred queries names the same
    few places a thousand times.
    """

    def __init__(self, folders: Mapping[str, str]) -> None:
        self._prefixes: dict[str, str] = {}
        for folder, replacement in folders.items():
            self.add(folder, replacement)
        self._sites: dict[Site, Site] = {}
        self._origins: dict[Origin, Origin] = {}

    def add(self, folder: str, replacement: str) -> None:
        self._prefixes[folder.rstrip("/") + "/"] = replacement and replacement + "/"

    def path(self, path: str) -> str:
        for prefix, replacement in self._prefixes.items():
            if path.startswith(prefix):
                return replacement + path[len(prefix) :]
        return path

    def request(self, request: Request) -> Request:
        return replace(
            request,
            queries=tuple(self._query(query) for query in request.queries),
            view=self._optional(request.view),
            cache_calls=tuple(
                replace(call, stack=self._stack(call.stack)) for call in request.cache_calls
            ),
            checkouts=tuple(
                replace(one, site=self._optional(one.site)) for one in request.checkouts
            ),
            switches=tuple(replace(one, site=self._optional(one.site)) for one in request.switches),
            connections=tuple(
                replace(one, site=self._optional(one.site)) for one in request.connections
            ),
            encodings=tuple(
                replace(one, site=self._optional(one.site)) for one in request.encodings
            ),
            http_calls=tuple(
                replace(call, stack=self._stack(call.stack)) for call in request.http_calls
            ),
            built=tuple(replace(one, stack=self._stack(one.stack)) for one in request.built),
            compiled=tuple(replace(one, stack=self._stack(one.stack)) for one in request.compiled),
            blocks=tuple(replace(one, stack=self._stack(one.stack)) for one in request.blocks),
            renders=tuple(replace(one, stack=self._stack(one.stack)) for one in request.renders),
            samples=tuple(replace(one, site=self._site(one.site)) for one in request.samples),
        )

    def route(self, route: Route) -> Route:
        return replace(route, site=self._optional(route.site))

    def imported(self, one: Import) -> Import:
        return replace(one, site=self._optional(one.site), others=self._stack(one.others))

    def model(self, model: Model) -> Model:
        site = self._optional(model.site)
        return replace(model, site=site, migrations=self.path(model.migrations))

    def _query(self, query: Query) -> Query:
        return replace(
            query,
            stack=self._stack(query.stack),
            through=tuple(self._text(text) for text in query.through),
            load=query.load and self._load(query.load),
        )

    def _load(self, load: Load) -> Load:
        return replace(
            load,
            origin=load.origin and self._origin(load.origin),
            queryset=load.queryset and self._origin(load.queryset),
        )

    def _origin(self, origin: Origin) -> Origin:
        known = self._origins.get(origin)
        if known is None:
            links = tuple(self._link(link) for link in origin.links)
            known = self._origins[origin] = replace(origin, links=links)
        return known

    def _link(self, link: Link) -> Link:
        return replace(link, stack=self._stack(link.stack))

    def _stack(self, stack: tuple[Site, ...]) -> tuple[Site, ...]:
        return tuple(self._site(site) for site in stack)

    def _optional(self, site: Site | None) -> Site | None:
        return None if site is None else self._site(site)

    def _site(self, site: Site) -> Site:
        known = self._sites.get(site)
        if known is None:
            known = self._sites[site] = replace(site, path=self.path(site.path))
        return known

    def _text(self, text: str) -> str:
        for prefix, replacement in self._prefixes.items():
            text = text.replace(prefix, replacement)
        return text
