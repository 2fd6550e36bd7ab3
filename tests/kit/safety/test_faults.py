"""Whatever part of the recorder raises, the application's outcome is the same, and it is counted.

Every function of `unslow.observe` that the programs lead to is made to raise once, by a profile
function; one that hooks call, once for each of them. A function that stands for a library's own
(it has the original) cannot be told from it and is left out; so is what the guard itself rests on,
listed here with the reason.
"""

import pytest

# One statement or two that look at a variable: the guard and every hook begin with them.
FIRST = {
    "_record.current",
    "_record.level",
    "_record.noted",
    "_record.enter",
    "_record.leave",
    "_record.begin",
    "_record.RequestRecord.__init__",
    "_record.RequestRecord.id",
    "_statements.wanted",
    "_statements.Statement.__init__",
    "_encodings.is_inside",
    "_http_calls.wanted",
    "_http_calls._seconds",
    "_http_calls.Call.__init__",
    "_redirect.is_wanted",
    "_wire.is_open",
    "_follow._Work.__init__",
    "_sqlalchemy_sql._checked_out",
    "_sqlalchemy_sql._connected",
    "_statements.streamed.<locals>.count",
    "sqlite3._count",
    "_origin.Quiet.__reduce__",
    "_origin.Quiet.__deepcopy__",
}
# They guard what they call themselves.
GUARDS = {
    "_wire.safely",
    "_wire.safely.<locals>.guarded",
    "_wire.error",
    "_statements._finish",
    "_follow._here",
}
# They run a function of the application's or a library's, and would lose its result.
RUN = {
    "_boundary._run_asgi",
    "_boundary.run_asgi",
    "_boundary.run_wsgi",
    "_django_queryset._stamped",
    "_django_sql._counted",
    "_django_sql._counting",
    "_django_sql._counting.<locals>.counted",
    "_django_sql._timed",
    "_django_relations._loading.__init__",
    "_django_relations._loading.__enter__",
    "_django_relations._loading.__exit__",
    "_encodings.encoding",
    "_follow._Work.__call__",
    "_imports._Finder.find_spec",
    "_follow._created_here",
    "_http_calls.building",
    "_http_calls.call",
    "_sqlalchemy_loads._stamping",
    "_sqlalchemy_loads._stamping.<locals>.stamped",
    "_statements.quiet",
    "_statements.streamed",
    "_statements.timed",
    "_patch.disguised",
    "sqlite3._connection_class.<locals>.Connection.execute",
    "sqlite3._connection_class.<locals>.Connection.executemany",
    "sqlite3._connection_class.<locals>.Connection.executescript",
    "sqlite3._cursor_class",
    "sqlite3._cursor_class.<locals>.Cursor",
    "sqlite3._redirected",
    "sqlite3._remembered",
    "sqlite3._remembered.<locals>.method",
}
# What an application calls by itself, at its start or around the programs, and not a hook.
ASKED_FOR = {"_embedded.", "_record.listen", "_record.raise_to"}

MIN_TARGETS = 250  # fewer, and the programs do not lead to the hooks any more


@pytest.fixture(scope="module")
def faults(run):
    return [one for one in run("full", "inject") if one["hit"]]


def reviewed(name: str) -> bool:
    return name in FIRST | GUARDS | RUN or name.startswith(tuple(ASKED_FOR))


def test_no_fault_reaches_the_application(faults) -> None:
    reached = [
        f"{one['function']} (called by {one['hook'] or 'the recorder'}): {one['got']}"
        for one in faults
        if not (one["same"] or one["stands_for_another"] or reviewed(one["function"]))
    ]
    assert not reached, "\n".join(reached)


def test_every_fault_is_counted(faults) -> None:
    silent = [one["function"] for one in faults if one["same"] and not one["counted"]]
    assert silent == []


def test_the_programs_lead_to_the_hooks(faults) -> None:
    assert len(faults) >= MIN_TARGETS
    hooks = {one["function"].partition(".")[0] for one in faults if one["stands_for_another"]}
    assert hooks >= {"_django_queryset", "_django_relations", "_django_sql", "_follow", "httpx"}
    assert hooks >= {"redis", "requests", "urllib", "fastapi", "rest_framework"}
    assert hooks >= {"psycopg", "psycopg2", "sqlite3", "asyncpg", "starlette", "flask"}
