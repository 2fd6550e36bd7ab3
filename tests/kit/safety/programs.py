"""Small programs whose outcome must not depend on who watches. Run in a process of their own.

Each is a function without arguments; what it returns is compared as text. Lists are walked by
comprehensions where the walk itself is what is watched.
"""
# ruff: noqa: C416, E501

import asyncio
import base64
import contextvars
import copy
import functools
import gc
import http.server
import os
import pickle
import sqlite3
import threading
import urllib.request
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import django
from django.conf import settings

DSN = os.environ["SAFETY_DSN"]
REDIS_PORT = int(os.environ["SAFETY_REDIS_PORT"])
WATCHED = os.environ["SAFETY_LEVEL"] != "none"

settings.configure(
    SECRET_KEY="x",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "safety.db"}},
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=["unslow.kit.django.Middleware"] if WATCHED else [],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
)
django.setup()

import anyio.to_thread  # noqa: E402
import asyncpg  # noqa: E402
import fastapi  # noqa: E402
import flask  # noqa: E402
import httpx  # noqa: E402
import jinja2  # noqa: E402
import psycopg  # noqa: E402
import psycopg2  # noqa: E402
import pydantic  # noqa: E402
import redis  # noqa: E402
import redis.asyncio  # noqa: E402
import requests  # noqa: E402
import sqlalchemy as sa  # noqa: E402
import urllib3  # noqa: E402
from asgiref.sync import async_to_sync, sync_to_async  # noqa: E402
from django.contrib.auth.models import Group, Permission, User  # noqa: E402
from django.contrib.contenttypes.models import ContentType  # noqa: E402
from django.core import mail, serializers  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.models import Count, Prefetch  # noqa: E402
from django.http import HttpResponse, StreamingHttpResponse  # noqa: E402
from django.template import Context, Template, engines  # noqa: E402
from django.test import AsyncClient, Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.serializers import ModelSerializer  # noqa: E402
from sqlalchemy import orm  # noqa: E402
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine  # noqa: E402
from sqlalchemy.pool import NullPool  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.background import BackgroundTask  # noqa: E402
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse  # noqa: E402
from starlette.routing import Mount, Route, WebSocketRoute  # noqa: E402
from starlette.testclient import TestClient  # noqa: E402


def raised(function, *args):
    """The exception as its user sees it."""
    try:
        return function(*args)
    except Exception as error:  # noqa: BLE001
        cause = type(error.__cause__).__name__
        return type(error).__module__, type(error).__qualname__, str(error), cause


def pickled(value):
    return "PICKLE:" + base64.b64encode(pickle.dumps(value)).decode()


# -- Django's ORM ---------------------------------------------------------------------------


def prepare_django():
    call_command("migrate", verbosity=0)
    if not User.objects.exists():
        groups = [Group.objects.create(name=f"g{n}") for n in range(3)]
        for n in range(6):
            User.objects.create(username=f"u{n}").groups.add(groups[n % 3])


def users():
    return User.objects.order_by("pk")


def queryset_values():
    found = users().filter(username__startswith="u")
    again = found.all()
    return [
        found._result_cache is None, bool(found), len(found), found._result_cache is not None,
        repr(found), list(found) == list(again), found[0], found[1:3], next(reversed(found)),
        again.count(), again.exists(), found.first(), found.last(), type(found).__name__,
        found.values("username")[0], list(found.values_list("pk", flat=True)), str(found.query),
        list(found.none()), found.contains(found[0]), found.in_bulk([1]),
        list(found.iterator(chunk_size=2)), found.aggregate(n=Count("pk")), len(User.objects.filter(pk=1).union(User.objects.filter(pk=2))),
        found == again, found.db, found.ordered,
    ]  # fmt: skip


def queryset_copies():
    found = users()
    deep, shallow = copy.deepcopy(found), copy.copy(found)
    list(found)
    return [
        list(deep) == list(found), list(shallow) == list(found), deep is found,
        list(pickle.loads(pickle.dumps(found))) == list(found),
        list(User.objects.all() & users()) == list(found), copy.copy(found)._result_cache is None,
    ]  # fmt: skip


def queryset_pickles():
    found = users().select_related().prefetch_related("groups")
    list(found)
    query = users().filter(pk=1)
    return pickled(found), pickled(query), pickled(query.query)


def instance_copies():
    user = users().prefetch_related("groups")[0]
    other = pickle.loads(pickle.dumps(user))
    deep, shallow = copy.deepcopy(user), copy.copy(user)
    state = {name for name in vars(user) if name != "_state"}
    return [
        user == other == deep == shallow, hash(user) == hash(other), repr(user), sorted(state),
        other._state.adding, other._state.db, sorted(user._prefetched_objects_cache),
        user.get_deferred_fields(), user._meta.label, serializers.serialize("json", [user], fields=["username", "groups"]),
        sorted(deep.__dict__) == sorted(user.__dict__), deep._state is user._state,
    ]  # fmt: skip


def instance_pickles():
    user = users().prefetch_related("groups")[0]
    permission = Permission.objects.select_related("content_type").first()
    lazy = Permission.objects.first()
    lazy.content_type  # noqa: B018
    return pickled(user), pickled(permission), pickled(lazy), pickled(user.groups.all())


def instances_are_freed():
    """Nothing holds on to rows or querysets."""
    found = users()
    rows = list(found)
    left = [weakref.ref(rows[0]), weakref.ref(found)]
    del rows, found
    gc.collect()
    return [one() is None for one in left]


def relations():
    permission = Permission.objects.order_by("pk").first()
    group = Group.objects.get(name="g0")
    user = users().only("username").first()
    return [
        permission.content_type, permission.content_type is permission.content_type,
        group.user_set.count(), list(group.user_set.order_by("pk")), user.email,
        user.get_deferred_fields() >= {"password"}, user.groups.all().exists(),
        users().annotate(n=Count("groups")).values_list("n", flat=True)[0],
        [list(one.some) for one in users().prefetch_related(
            Prefetch("groups", Group.objects.filter(name="g1"), to_attr="some"))],
        ContentType.objects.get_for_model(User), next(iter(User.objects.raw("SELECT * FROM auth_user"))),
        raised(lambda: User.objects.get(pk=0)), raised(lambda: User.objects.get()),
        raised(lambda: User().groups.all()), raised(lambda: Permission().content_type),
        raised(lambda: users()[-1]), raised(lambda: User.objects.filter(nothing=1)),
    ]  # fmt: skip


def writes():
    with transaction.atomic():
        made = User.objects.bulk_create([User(username="n1"), User(username="n2")])
        first = User.objects.get_or_create(username="n1")
        second = User.objects.update_or_create(username="n3", defaults={"email": "e"})
        third = User.objects.filter(username="n3").update(email="f")
        second[0].refresh_from_db()
        gone = User.objects.filter(username="n2").delete()
        said = raised(_twice)
        transaction.set_rollback(True)
    return len(made), first[1], second[1], second[0].email, third, gone, said, users().count()


def _twice():
    with transaction.atomic():
        User.objects.create(username="u1")


def cursors():
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, username FROM auth_user WHERE id < %s ORDER BY id", [4])
        first, some, rest = cursor.fetchone(), cursor.fetchmany(1), cursor.fetchall()
        names = [column[0] for column in cursor.description]
        cursor.execute("SELECT id FROM auth_user ORDER BY id")
        rows, count = [row for row in cursor], cursor.rowcount
        wrong = raised(lambda: cursor.execute("SELECT FROM WHERE"))
        missing = raised(lambda: cursor.nothing)
    with CaptureQueriesContext(connection) as captured:
        list(users())
    return (
        first,
        some,
        rest,
        names,
        rows,
        count,
        wrong,
        missing,
        captured.captured_queries[0]["sql"],
    )


def asynchronous_orm():
    async def work():
        names = [user.username async for user in users()]
        one = await User.objects.aget(username="u1")
        some = await asyncio.gather(*[User.objects.filter(pk=n).acount() for n in (1, 2)])
        return names, one, some, await users().afirst()

    return asyncio.run(work())


def templates_and_serializers():
    class Named(ModelSerializer):
        class Meta:
            model = User
            fields = ("username", "groups")

    text = "{% for u in users %}{{ u.username }}:{% for g in u.groups.all %}{{ g }}{% endfor %},{% endfor %}"
    jinja = jinja2.Environment().from_string("{% for u in users %}{{ u.username }} {% endfor %}")
    return [
        Template(text).render(Context({"users": users()})),
        engines["django"].from_string(text).render({"users": users()}),
        jinja.render(users=users()), Named(users(), many=True).data, Named(users()[0]).data,
    ]  # fmt: skip


# -- requests of Django -----------------------------------------------------------------------

steps: list[str] = []


def listing(request):
    return HttpResponse(",".join(f"{one}{one.groups.count()}" for one in users()))


def failing(request):
    users().first()
    raise LookupError("its own")


def streaming(request):
    def chunks():
        try:
            for one in users():
                yield f"{one.username}{one.groups.count()};"
        finally:
            steps.append("closed")

    return StreamingHttpResponse(chunks())


async def asynchronous(request):
    return HttpResponse(",".join([one.username async for one in users()]))


async def asynchronous_stream(request):
    async def chunks():
        async for one in users():
            yield one.username

    return StreamingHttpResponse(chunks())


urlpatterns = [
    path("list/", listing), path("fail/", failing), path("stream/", streaming),
    path("async/", asynchronous), path("astream/", asynchronous_stream),
]  # fmt: skip


def django_requests():
    steps.clear()
    client = Client(raise_request_exception=False)
    stream = client.get("/stream/")
    early = client.get("/stream/")
    next(iter(early.streaming_content))
    early.close()
    listed = client.get("/list/")
    return [
        listed.status_code, listed.content, sorted(listed.headers.items()),
        client.get("/nothing/").status_code, client.get("/fail/").status_code,
        raised(Client().get, "/fail/"), b"".join(stream.streaming_content), stream.streaming,
        client.head("/list/").content, client.get("/async/").content, gc.collect() * 0, steps[0],
    ]  # fmt: skip


def django_async_requests():
    async def work():
        client = AsyncClient()
        stream = await client.get("/astream/")
        said = [chunk async for chunk in stream.streaming_content]
        return (await client.get("/async/")).content, (await client.get("/list/")).content, said

    return asyncio.run(work())


# -- SQLAlchemy ---------------------------------------------------------------------------------


class Base(orm.DeclarativeBase):
    pass


class Company(Base):
    __tablename__ = "companies"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(20), unique=True)
    people: orm.Mapped[list["Person"]] = orm.relationship(back_populates="company")


class Person(Base):
    __tablename__ = "people"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
    company_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("companies.id"))
    company: orm.Mapped[Company] = orm.relationship(back_populates="people")

    def __repr__(self):
        return f"Person({self.name})"


@functools.cache
def engine():
    made = sa.create_engine("sqlite:///alchemy.db")
    Base.metadata.drop_all(made)
    Base.metadata.create_all(made)
    with orm.Session(made) as session:
        session.add_all([Company(name=f"c{n}", people=[Person(name=f"p{n}")]) for n in range(4)])
        session.commit()
    return made


def prepare_sqlalchemy():
    engine()


def sessions():
    with orm.Session(engine()) as session:
        people = session.scalars(sa.select(Person).order_by(Person.id)).all()
        same = session.get(Person, 1) is people[0]
        lazy = [one.company.name for one in people]
        eager = session.execute(
            sa.select(Person).options(orm.joinedload(Person.company), orm.defer(Person.name))
        )
        rows = eager.all()
        people[0].name = "changed"
        dirty = people[0] in session.dirty
        session.flush()
        session.rollback()
        session.expire_all()
        return [
            people, same, lazy, type(rows[0]).__name__, rows[0][0].name, dirty, people[0].name,
            len(session.identity_map), [len(c.people) for c in session.scalars(sa.select(Company))],
            str(sa.select(Person).where(Person.id == 1)), session.query(Person).count(),
            [one for one in session.scalars(sa.select(Person)).yield_per(2)],
            raised(session.scalars(sa.select(Person).where(Person.id == 0)).one),
            raised(lambda: session.execute(sa.text("SELECT nothing"))),
            session.execute(sa.text("SELECT name FROM people WHERE id = :id"), {"id": 2}).scalar(),
            session.scalars(sa.select(Company).options(orm.selectinload(Company.people))).all()[0].people,
        ]  # fmt: skip


def session_writes():
    with orm.Session(engine()) as session:
        session.add(Company(name="c1"))
        said = raised(session.flush)
        session.rollback()
        changed = session.execute(sa.update(Person).where(Person.id == 1).values(name="z"))
        session.rollback()
        session.add(Company(name="new"))
        count = session.scalar(sa.select(sa.func.count()).select_from(Company))
        session.rollback()
    return [part for part in said if "c1" not in str(part)][:2], changed.rowcount, count


def statements():
    with engine().connect() as one:
        select = sa.select(Person.name).where(Person.id > 1)
        compiled = str(select.compile(one)), hash(select) == hash(select), copy.copy(select)
        result = one.execute(select)
        rows = result.mappings().all()
        many = one.exec_driver_sql("SELECT id FROM people").fetchmany(2)
    return compiled[:2], rows, many, engine().pool.status(), type(engine()).__name__


def instance_of_sqlalchemy():
    with orm.Session(engine()) as session:
        person = session.scalars(sa.select(Person).options(orm.joinedload(Person.company))).first()
        names = sorted(name for name in vars(person) if name != "_sa_instance_state")
        session.expunge_all()
        other = pickle.loads(pickle.dumps(person))
        return names, other.name, other.company.name, pickled(vars(person)["name"])


def instances_of_sqlalchemy_are_freed():
    with orm.Session(engine()) as session:
        person = session.get(Person, 1)
        left = weakref.ref(person)
        session.expunge_all()
        del person
        gc.collect()
        return left() is None


def asynchronous_sessions():
    async def work():
        own = create_async_engine(
            DSN.replace("postgresql:", "postgresql+asyncpg:"), poolclass=NullPool
        )
        async with own.begin() as one:
            await one.run_sync(Base.metadata.drop_all)
            await one.run_sync(Base.metadata.create_all)
        async with AsyncSession(own) as session:
            session.add_all(
                [Company(name=f"c{n}", people=[Person(name=f"p{n}")]) for n in range(3)]
            )
            await session.commit()
            people = (await session.scalars(sa.select(Person).order_by(Person.id))).all()
            await session.refresh(people[0], ["company"])
            streamed = [row async for row in await session.stream_scalars(sa.select(Person.name))]
            missing = None
            try:
                people[1].company.name  # noqa: B018
            except Exception as error:  # noqa: BLE001
                missing = type(error).__name__
            lazy = await session.run_sync(lambda s: s.get(Person, 2).company.name)
            found = people[0].company.name, len(streamed), missing, lazy
        await own.dispose()
        return found

    return asyncio.run(work())


# -- drivers ------------------------------------------------------------------------------------


def sqlite():
    class Own(sqlite3.Cursor):
        pass

    with closing(sqlite3.connect(":memory:")) as one:
        one.row_factory = sqlite3.Row
        one.executescript("CREATE TABLE t (x, y); INSERT INTO t VALUES (1, 'a'), (2, 'b');")
        cursor = one.execute("SELECT * FROM t WHERE x > ?", (0,))
        rows = [tuple(row) for row in cursor]
        own = one.cursor(Own)
        with one:
            one.executemany("INSERT INTO t VALUES (?, ?)", [(3, "c"), (4, "d")])
        return [
            rows, isinstance(one, sqlite3.Connection), type(one).__name__, type(own).__name__,
            type(cursor).__name__, own.execute("SELECT x FROM t").fetchmany(2)[0][0],
            one.total_changes, next(iter(one.iterdump())), one.in_transaction,
            raised(one.execute, "SELECT nothing FROM t"), cursor.description, cursor.rowcount,
        ]  # fmt: skip


def postgres():
    with psycopg.connect(DSN, autocommit=True) as one, one.cursor() as cursor:
        cursor.execute("SELECT n, n::text FROM generate_series(1, %s) n", (3,))
        rows, kind = cursor.fetchall(), type(cursor).__name__
        with one.transaction(), one.cursor("named") as named:
            named.execute("SELECT generate_series(1, 5)")
            some = named.fetchmany(2), [row for row in named]
        streamed = list(cursor.stream("SELECT 1"))
        wrong = raised(cursor.execute, "SELECT nothing")
        copied = b"".join(bytes(b) for b in cursor.copy("COPY (SELECT 1) TO STDOUT").__enter__())
    return rows, kind, some, streamed, wrong[:2], copied, one.closed


def postgres_2():
    with closing(psycopg2.connect(DSN)) as one, one.cursor() as cursor:
        cursor.execute("SELECT n FROM generate_series(1, %s) n", (3,))
        return cursor.fetchall(), cursor.rowcount, raised(cursor.execute, "SELECT nothing")[:2]


def postgres_async():
    async def work():
        one = await asyncpg.connect(DSN)
        try:
            rows = await one.fetch("SELECT n, n * 2 AS m FROM generate_series(1, $1) n", 3)
            prepared = await one.prepare("SELECT $1::int")
            async with one.transaction():
                walked = [row["n"] async for row in one.cursor("SELECT generate_series(1, 3) n")]
            wrong = None
            try:
                await one.fetchval("SELECT nothing")
            except asyncpg.PostgresError as error:
                wrong = type(error).__name__
            return [repr(row) for row in rows], await prepared.fetchval(4), walked, wrong
        finally:
            await one.close()

    return asyncio.run(work())


def postgres_rows_async():
    async def work():
        async with await psycopg.AsyncConnection.connect(DSN, autocommit=True) as one:
            cursor = await one.execute("SELECT generate_series(1, %s)", (3,))
            streamed = [row async for row in cursor.stream("SELECT 1")]
            rows = await (await one.execute("SELECT 2")).fetchall()
            async with cursor.copy("COPY (SELECT 1) TO STDOUT") as copied:
                blocks = [bytes(block) async for block in copied]
            return rows, streamed, blocks, type(cursor).__name__

    return asyncio.run(work())


def redis_commands():
    with redis.Redis(port=REDIS_PORT, decode_responses=True) as one:
        with one.pipeline() as pipe:
            piped = pipe.set("k", "v", ex=100).get("k").incr("k").execute(raise_on_error=False)
        wrong = raised(one.incr, "k")[:2]
        return one.get("k"), one.get("none"), repr(piped), wrong, sorted(one.scan_iter("k"))


def redis_commands_async():
    async def work():
        async with redis.asyncio.Redis(port=REDIS_PORT) as one:
            async with one.pipeline() as pipe:
                piped = await pipe.set("a", 1).incr("a").execute()
            return piped, await one.get("a"), await one.ttl("a")

    return asyncio.run(work())


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.path.encode()
        self.send_response(404 if "none" in self.path else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "a=b")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def outgoing_calls():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"

    async def work():
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{url}/b", timeout=5)).text

    try:
        with requests.Session() as session, httpx.Client() as client:
            return [
                asyncio.run(work()),
                [session.get(f"{url}/{n}").text for n in ("c", "none")],
                [client.get(f"{url}/{n}").status_code for n in ("d", "none")],
                urllib3.PoolManager().request("GET", f"{url}/e").data,
                urllib.request.urlopen(f"{url}/f", timeout=5).read(),
                raised(urllib.request.urlopen, f"{url}/none"),
                raised(requests.get, "http://127.0.0.1:1/")[:2],
            ]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def mails_and_caches():
    mail.outbox = []
    mail.get_connection("django.core.mail.backends.locmem.EmailBackend").send_messages(
        [mail.EmailMessage("subject", "body", "a@b", ["c@d"])]
    )
    cache.set("k", [1], 60)
    cache.set_many({"a": 1, "b": None})
    return [
        mail.outbox[0].subject, len(mail.outbox), cache.get("k"), cache.get_many(["a", "b"]),
        cache.get_or_set("new", lambda: 5), cache.delete("k"), cache.add("a", 2), cache.incr("a"),
        raised(cache.incr, "none"),
    ]  # fmt: skip


# -- threads and tasks --------------------------------------------------------------------------

variable = contextvars.ContextVar("variable", default="unset")


def threads():
    def work(n):
        if n == 2:
            raise ValueError("two")
        return n, variable.get(), users().count()

    variable.set("outside")
    with ThreadPoolExecutor(1) as pool:
        futures = [pool.submit(work, n) for n in range(3)]
        mapped = list(pool.map(str, range(3)))
        said = [raised(one.result) for one in futures]
        partial = pool.submit(functools.partial(int, base=2), "11").result()

    class Own(threading.Thread):
        def run(self):
            steps.append(variable.get())

    steps.clear()
    thread = Own(name="own")
    thread.start()
    thread.join()
    return said, mapped, partial, steps[:], thread.name, raised(thread.start)


def tasks():
    async def child(n):
        variable.set(n)
        await asyncio.sleep(0)
        if n == 3:
            raise KeyError(n)
        return n, variable.get()

    async def endless():
        try:
            await asyncio.Event().wait()
        finally:
            steps.append("cancelled")

    async def numbers():
        try:
            for n in range(5):
                yield n
        finally:
            steps.append("ended")

    async def work():
        steps.clear()
        variable.set("parent")
        coroutine = child(1)
        task = asyncio.create_task(coroutine, name="mine")
        same = task.get_coro() is coroutine
        got = await asyncio.gather(task, child(2), child(3), return_exceptions=True)
        stuck = asyncio.create_task(endless())
        await asyncio.sleep(0)
        stuck.cancel()
        await asyncio.wait([stuck])
        walk = numbers()
        await anext(walk)
        await walk.aclose()
        context = contextvars.copy_context()
        context.run(variable.set, "given")
        given = await asyncio.create_task(_variable(), context=context)
        inner = await asyncio.to_thread(variable.get), await anyio.to_thread.run_sync(variable.get)
        bridged = await sync_to_async(variable.get)()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(child(3))
        except* KeyError as many:
            steps.append(repr(many.exceptions))
        return same, got, stuck.cancelled(), variable.get(), given, inner, bridged, task.get_name()

    return asyncio.run(work()), steps[:], async_to_sync(_variable)()


async def _variable():
    return variable.get()


# -- WSGI and ASGI ------------------------------------------------------------------------------


def observed_wsgi(app):
    if not WATCHED:
        return app
    from unslow.kit.wsgi import Middleware

    return Middleware(app)


def observed_asgi(app):
    if not WATCHED:
        return app
    from unslow.kit.asgi import Middleware

    return Middleware(app)


class Body:
    def __init__(self, fails=False):
        self.left, self.fails = [b"a", b"b"], fails

    def __iter__(self):
        return self

    def __next__(self):
        if self.fails:
            raise OSError("in the body")
        if not self.left:
            raise StopIteration
        return self.left.pop()

    def close(self):
        steps.append("closed")


def wsgi_bodies():
    def app(environ, start_response):
        users().count()
        write = start_response("200 OK", [("X", "y")])
        match environ["PATH_INFO"]:
            case "/list":
                return [b"one", b"two"]
            case "/generator":
                return (part for part in (b"1", b"2"))
            case "/body":
                return Body()
            case "/broken":
                return Body(fails=True)
            case "/write":
                write(b"written")
                return []
        raise LookupError("its own")

    def call(path):
        said = []

        def start_response(status, headers, exc_info=None):
            said.append((status, headers))
            return said.append

        steps.clear()
        body = app_(dict(environ, PATH_INFO=path), start_response)
        try:
            got = [part for part in body]
        finally:
            if hasattr(body, "close"):
                body.close()
        return said, got, steps[:]

    app_ = observed_wsgi(app)
    environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "QUERY_STRING": ""}
    paths = ("/list", "/generator", "/body", "/broken", "/write", "/fail")
    return [raised(call, one) for one in paths], steps[:]


def asgi_application():
    async def listing(request):
        return JSONResponse([one.username async for one in users()])

    async def stream(request):
        async def chunks():
            try:
                for n in range(3):
                    yield f"{n};{await users().acount()}"
            finally:
                steps.append("closed")

        return StreamingResponse(chunks())

    async def background(request):
        async def later():
            steps.append(f"later {await users().acount()}")

        return PlainTextResponse("now", background=BackgroundTask(later))

    def plain(request):
        return PlainTextResponse(str(users().count()))

    async def broken(request):
        raise LookupError("its own")

    async def talk(socket):
        await socket.accept()
        await socket.send_text(f"{await socket.receive_text()} {await users().acount()}")
        await socket.close(4000)

    class Lifespan:
        async def __aenter__(self):
            steps.append("started")
            return {"kept": "state"}

        async def __aexit__(self, *error):
            steps.append("stopped")

    routes = [
        Route("/list", listing), Route("/stream", stream), Route("/background", background),
        Mount("/in", routes=[Route("/plain/{n}", plain, methods=["GET", "POST"])]),
        Route("/broken", broken), WebSocketRoute("/talk", talk),
    ]  # fmt: skip
    steps.clear()
    app = Starlette(routes=routes, lifespan=lambda app: Lifespan())
    with TestClient(observed_asgi(app)) as client:
        got = [client.get(one) for one in ("/list", "/stream", "/background", "/in/plain/1", "/no")]
        said = [(one.status_code, one.text, sorted(one.headers.items())) for one in got]
        said.append(raised(client.get, "/broken"))
        said.append(client.post("/in/plain/2", json={"a": 1}).text)
        with client.websocket_connect("/talk") as socket:
            socket.send_text("hello")
            said.append(socket.receive_text())
            said.append(socket.receive())
    return said, steps[:]


class Item(pydantic.BaseModel):
    name: str


def fastapi_application():
    app = fastapi.FastAPI()

    @app.get("/plain")
    async def plain():
        return [{"name": one.username} for one in await sync_to_async(list)(users())]

    @app.get("/model/{n}")
    def model(n: int) -> list[Item]:
        return [Item(name=one.username) for one in users()[:n]]

    @app.get("/wrong", response_model=Item)
    def wrong():
        return {"nothing": 1}

    client = TestClient(observed_asgi(app), raise_server_exceptions=False)
    paths = ("/plain", "/model/2", "/model/x", "/wrong", "/openapi.json")
    return [(one.status_code, one.text) for one in map(client.get, paths)]


def flask_application():
    app = flask.Flask(__name__)
    app.before_request(lambda: steps.append("before"))
    app.teardown_request(lambda error: steps.append(f"teardown {type(error).__name__}"))

    @app.get("/list/<int:n>")
    def listing(n):
        return flask.jsonify([one.username for one in users()[:n]])

    @app.get("/stream")
    def stream():
        return flask.Response(flask.stream_with_context(f"{n}" for n in range(3)))

    @app.get("/broken")
    def broken():
        raise LookupError("its own")

    steps.clear()
    app.wsgi_app = observed_wsgi(app.wsgi_app)
    client = app.test_client()
    got = [client.get(one) for one in ("/list/2", "/stream", "/broken", "/nothing")]
    return [(one.status_code, one.data) for one in got], steps[:]


PREPARE = (prepare_django, prepare_sqlalchemy)
PROGRAMS = {
    name: value
    for name, value in list(globals().items())
    if callable(value)
    and getattr(value, "__module__", "") == __name__
    and not name.startswith(("_", "prepare", "observed"))
    and name not in {"raised", "pickled", "users", "listing", "failing", "streaming", "asynchronous",
                     "asynchronous_stream", "Base", "Company", "Person", "Body", "engine", "Item", "Answer"}
}  # fmt: skip
