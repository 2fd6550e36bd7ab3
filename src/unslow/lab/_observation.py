"""Runs the application under observation: learns its routes, builds the workload, records it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec

from unslow import __version__
from unslow.errors import UnslowError
from unslow.lab.target import Database, Description, Lab, Running, Tree
from unslow.lab.workload import Call, Client, Wanted, Workload, build
from unslow.model import SCHEMA_VERSION, Model, Query, Request, Site, Trace
from unslow.progress import Progress

OBSERVED_ROUNDS = 2  # recordings of every call, after one that warms up
OBSERVED_S = 1.0  # an endpoint that has taken this long has been seen enough
DRAIN_TIMEOUT_S = 15.0
CONNECTING_CALLS = 20  # plain GETs tried until the application opens its database

Collect = Callable[[Trace, Sequence[Database]], Trace]
Read = Callable[[str], bytes]
Fill = Callable[[Database, Sequence[Model]], None]


def prepare(
    lab: Lab,
    wanted: Wanted,
    login: str,
    progress: Progress,
    *,
    tree: Tree | None = None,
    sql: Sequence[str] = (),
    read: Read | None = None,
    fill: Fill | None = None,
) -> tuple[Workload, Description]:
    """Start the application once to learn its routes and which calls work.

    `tree`, `sql` and `read` (its sources) are another version than the lab's own. `fill` adds rows
    to what all clones are made from. The calls of the workload carry their headers. Raises
    `UsageError` when nothing can be exercised.
    """
    progress.stage("start the application on a clone of its data")
    app = lab.launch(tree or lab.tree(), "discover", record="light", sql=sql)
    try:
        description = app.describe()
        connect(app, description)
        if fill:
            app.stop()
            lab.change(lambda database: fill(database, description.models))
            app = lab.launch(tree or lab.tree(), "discover", record="light", sql=sql)
            connect(app, description)
        lab.check(app, description)
        if login:
            wanted = replace(wanted, headers={**app.login(login), **wanted.headers})
        workload = build(
            app, description.routes, description.models, wanted, read or lab.read, progress
        )
    finally:
        app.stop()
    return workload, description


def connect(app: Running, description: Description) -> None:
    """Call plain pages until the application opens a database.

    The broker knows a database only when the application has connected to it.
    """
    plain = [route for route in description.routes if route.method == "GET" and not route.params]
    client = Client(app.base_url)
    for route in plain[:CONNECTING_CALLS]:
        if app.databases:
            break
        try:
            client.send(Call("GET", "/" + route.route.strip("^$").lstrip("/"), ""))
        except OSError:
            continue
    client.close()


def observe(
    lab: Lab,
    workload: Workload,
    description: Description,
    login: str,
    collect: Collect,
    progress: Progress,
    *,
    tree: Tree | None = None,
    sql: Sequence[str] = (),
    name: str = "observe",
    whole_rounds: int = 0,
) -> Trace:
    """Record the workload on fresh clones; `collect` adds tables and plans from them.

    `tree` and `sql` are another version than the lab's own, `name` is the stage. Of slow
    endpoints, all calls are recorded in the first `whole_rounds` alone.
    """
    progress.stage(name, len(workload.calls) * OBSERVED_ROUNDS)
    app = lab.launch(tree or lab.tree(), "observe", record="full", sql=sql)
    try:
        session = app.login(login) if login else {}
        requests = _record(app, workload.calls, session, progress, whole_rounds)
        trace = Trace(
            schema=SCHEMA_VERSION,
            unslow=__version__,
            kind=description.kind,
            framework=description.framework,
            database=description.database,
            roots=lab.roots,
            python=description.python,
            requests=tuple(requests),
            routes=description.routes,
            models=description.models,
            server=description.server,
            imports=description.imports,
        )
        progress.stage("read plans")
        trace = collect(trace, app.databases)
        for message in app.errors[:3]:
            progress.note(f"recorder: {message}")
    finally:
        app.stop()
    return trace


def _record(
    app: Running,
    calls: Sequence[Call],
    session: Mapping[str, str],
    progress: Progress,
    whole_rounds: int,
) -> list[Request]:
    client = Client(app.base_url)
    spent_s: dict[str, float] = {}
    sent: dict[str, str] = {}
    for round_number in range(OBSERVED_ROUNDS):
        for number, planned in enumerate(calls):
            call = planned.signed(session)
            if call.endpoint not in spent_s and not call.writes:
                client.send(call)
            progress.step(call.endpoint)
            if round_number >= whole_rounds and spent_s.get(call.endpoint, 0.0) > OBSERVED_S:
                continue
            request_id = f"observe-{round_number}-{number}"
            sent[request_id] = call.endpoint
            seconds = client.send(call, request_id).seconds
            spent_s[call.endpoint] = spent_s.get(call.endpoint, 0.0) + seconds
    client.close()
    recorded = app.drain(list(sent), DRAIN_TIMEOUT_S)
    if not recorded:
        raise UnslowError(
            "the application answered, but nothing was recorded: is it started by Python "
            f"3.11 or later, in this process tree? Its last lines:\n{app.log_tail()}"
        )
    return [_named(request, sent[request.id]) for request in recorded]


def call_number(request: Request) -> int:
    """The position in the workload of the call that an observed request was sent for."""
    return int(request.id.rpartition("-")[2])


def _named(request: Request, endpoint: str) -> Request:
    """The request under the endpoint that it was sent for."""
    method, _, route = endpoint.partition(" ")
    return msgspec.structs.replace(request, method=method, route=route)


def running(trace: Trace, cause: Site | None) -> frozenset[str]:
    """The endpoints that were seen to run the expression at `cause`."""
    if cause is None:
        return frozenset()
    return frozenset(
        request.endpoint
        for request in trace.requests
        if any(_meets(site, cause) for site in _request_sites(request))
    )


def _meets(site: Site, cause: Site) -> bool:
    return site.path == cause.path and site.line <= cause.end_line and site.end_line >= cause.line


def _request_sites(request: Request) -> Iterator[Site]:
    for query in request.queries:
        yield from _sites(query)
    stacks = (request.cache_calls, request.http_calls, request.built, request.blocks)
    for calls in stacks:
        for call in calls:
            yield from call.stack
    made = (request.encodings, request.connections, request.checkouts, request.switches)
    for ones in made:
        yield from (one.site for one in ones if one.site is not None)


def _sites(query: Query) -> Iterator[Site]:
    yield from query.stack
    load = query.load
    for origin in (load.origin, load.queryset) if load else ():
        for link in origin.links if origin else ():
            yield from link.stack
