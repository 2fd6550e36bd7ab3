"""SQLAlchemy's sessions, sync and async, in tests of FastAPI, Flask, pytest-asyncio and anyio."""

import pytest

MODELS = """\
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

class Base(DeclarativeBase):
    pass

class Company(Base):
    __tablename__ = "companies"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]

class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("companies.id"))
    company: Mapped[Company] = relationship()

def rows():
    return [Customer(company=Company(name=f"f{n}")) for n in range(6)]
"""

APP = """\
from fastapi import Depends, FastAPI
from flask import Flask, jsonify
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from models import Company, Customer

app = FastAPI()
flask_app = Flask(__name__)
make_session = None

def session():
    with make_session() as one:
        yield one

def names(session):
    return [one.company.name for one in session.scalars(select(Customer))]

@app.get("/slow")
def slow(session=Depends(session)):
    return names(session)

@app.get("/joined")
def joined(session=Depends(session)):
    found = session.scalars(select(Customer).options(joinedload(Customer.company)))
    return [one.company.name for one in found]

@flask_app.get("/slow")
def flask_slow():
    with make_session() as one:
        return jsonify(names(one))

async def each(session):
    keys = (await session.scalars(select(Customer.company_id))).all()
    return [(await session.get(Company, key)).name for key in keys]
"""

SYNC = """\
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker
from sqlalchemy.pool import StaticPool
import app as application
from models import Base, rows

@pytest.fixture
def session():
    engine = create_engine("sqlite://", poolclass=StaticPool,
                           connect_args={"check_same_thread": False})
    Base.metadata.create_all(engine)
    make = application.make_session = sessionmaker(engine)
    with make() as one:
        one.add_all(rows())
        one.commit()
        yield one

def test_joined(session):
    assert TestClient(application.app).get("/joined").status_code == 200

def test_slow(session):
    assert TestClient(application.app).get("/slow").status_code == 200

def test_flask(session):
    assert application.flask_app.test_client().get("/slow").status_code == 200

def test_function(session):
    assert application.names(session)

@pytest.mark.max_queries(1)
def test_count(session):
    TestClient(application.app).get("/joined")

@pytest.mark.max_queries(6)
def test_too_many(session):
    TestClient(application.app).get("/slow")
"""

ASYNC = """\
import httpx, pytest
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool
from fastapi import FastAPI
import app as application
from models import Base, rows

DSN = "{dsn}"
app = FastAPI()

@pytest.fixture
async def session():
    engine = create_async_engine(DSN, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
    async with async_sessionmaker(engine)() as one:
        one.add_all(rows())
        await one.commit()
        one.expunge_all()
        yield one
    await engine.dispose()

@app.get("/each")
async def each():
    async with async_sessionmaker(create_async_engine(DSN, poolclass=NullPool))() as one:
        return await application.each(one)

async def test_each_{name}(session):
    assert len(await application.each(session)) == 6

async def test_client_{name}(session):
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert len((await client.get("/each")).json()) == 6

@pytest.mark.max_queries(7)
async def test_count_{name}(session):
    # unslow: allow repeated-query -- it is a test
    [(await session.get(application.Company, key)) for key in range(1, 8)]

async def test_block_{name}(session, max_queries):
    with max_queries(3):
        [(await session.get(application.Company, key)) for key in range(1, 8)]
"""


@pytest.fixture(scope="module")
def ran(suite, postgres):
    dsn = postgres.create("kit_pytest").replace("postgresql://", "postgresql+asyncpg://")
    asyncio = ASYNC.replace("{dsn}", dsn).replace("{name}", "asyncio")
    anyio = ASYNC.replace("{dsn}", dsn).replace("{name}", "anyio")
    suite.write(
        {
            "pytest.ini": "[pytest]\npythonpath = .\n",
            "models.py": MODELS,
            "app.py": APP,
            "test_sync.py": SYNC,
            "test_asyncio.py": asyncio.replace("@pytest.fixture", "@pytest_asyncio.fixture")
            .replace("import httpx, pytest", "import httpx, pytest, pytest_asyncio")
            .replace("DSN =", "pytestmark = pytest.mark.asyncio\nDSN ="),
            "test_anyio.py": anyio.replace(
                "DSN =",
                "pytestmark = pytest.mark.anyio\n\n@pytest.fixture\ndef anyio_backend():\n"
                '    return "asyncio"\n\nDSN =',
            ),
        }
    )
    return suite.run("--unslow")


def line_of(text: str) -> int:
    return next(n for n, line in enumerate(APP.splitlines(), 1) if text in line)


FINE = ["test_joined", "test_count", "test_count_asyncio", "test_count_anyio"]


@pytest.mark.parametrize("name", FINE)
def test_silent(ran, name) -> None:
    assert ran.failures[name] == ""


@pytest.mark.parametrize("name", ["test_slow", "test_flask", "test_function"])
def test_a_lazy_relation_fails_with_the_statement_and_its_option(ran, name) -> None:
    message = ran.failures[name]
    assert f"cause  app.py:{line_of('session.scalars(select(Customer))]')} in names" in message
    assert "fix    select(Customer).options(joinedload(Customer.company))" in message


@pytest.mark.parametrize("library", ["asyncio", "anyio"])
@pytest.mark.parametrize("name", ["each", "client"])
def test_a_get_in_a_loop_fails_in_async_tests(ran, name, library) -> None:
    message = ran.failures[f"test_{name}_{library}"]
    assert f"cause  app.py:{line_of('session.get(Company')} in each" in message
    assert "select(Company).where(Company.id.in_(keys))" in message


def test_counts_hold_in_every_kind_of_test(ran) -> None:
    assert "max_queries: 7 queries, 6 allowed" in ran.failures["test_too_many"]
    for library in ("asyncio", "anyio"):
        message = ran.failures[f"test_block_{library}"]
        assert "max_queries: 7 queries, 3 allowed" in message
