import msgspec
import pytest
from msgspec.structs import replace

from tests.builders import Queries, query, request, trace
from unslow.lab.prescribe import Source
from unslow.lab.prescribe import local_variable as fixer
from unslow.model import Patch

HEAD = "from shop.models import Company, Item, Order\n\n\n"


@pytest.fixture
def asked(bench):
    """The load of what is asked again at all marked places."""

    def asked(kind="get", label="shop.Company", orm="django"):
        bench.orm = orm
        load = bench.load("customer", kind=kind, model=label, uses=tuple(bench.sites))
        inner = msgspec.structs.replace(load.load, relation="", parent="", origin=None)
        return msgspec.structs.replace(load, load=inner, relation_path=())

    return asked


def view(*lines, head="def f(request, pk):"):
    return HEAD + head + "\n" + "".join(f"    {line}\n" for line in lines)


def body(text):
    return [line[4:] for line in text.partition(":\n")[2].splitlines()]


def fixed(bench, asked, *lines, head="def f(request, pk):", **load):
    bench.write(view(*lines, head=head))
    return body(bench.fixed(fixer, asked(**load), id="duplicate-query"))


def reason(bench, asked, *lines, head="def f(request, pk):", **load):
    bench.write(view(*lines, head=head))
    return bench.recommended(fixer, asked(**load), id="duplicate-query").reason


GET = "«Company.objects.get(pk=1)»"


# --- nothing changes -------------------------------------------------------------------------


def test_silent_without_evidence_of_repeats(bench):
    bench.write(view(f"return {GET}"))
    assert bench.advice(fixer, id="duplicate-query") == []


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (("a = «Company.objects.get(pk=1)»", "b = «Company.objects.get(id=1)»"), "other"),
        ((f"if request.a: a = {GET}", f"b = {GET}"), "reached"),
        (("if request.a:", f"    a = {GET}", f"b = {GET}"), "reached before"),
        ((f"a = request.a and {GET}", f"b = {GET}"), "reached"),
        ((f"a = {GET} if request.a else 1", f"b = {GET}"), "reached"),
        ((f"a = lambda: {GET}", f"b = {GET}"), "reached"),
        (("while request.a:", f"    a = {GET}", f"b = {GET}"), "reached before"),
        ((f"while {GET}: pass", f"b = {GET}"), "reached"),
        ((f"a = {GET}", "a.save()", f"b = {GET}"), "in between"),
        ((f"a = {GET}", "Order.objects.create()", f"b = {GET}"), "in between"),
        ((f"a = {GET}", "a.name = 1", f"b = {GET}"), "in between"),
        ((f"a = {GET}", "a = 1", f"b = {GET}"), "in between"),
        (
            ("x = «Company.objects.get(pk=pk)»", "pk = 2", "y = «Company.objects.get(pk=pk)»"),
            "in between",
        ),
        (
            (
                "a = «Company.objects.get(pk=pk)»",
                "for pk in a:",
                "    «Company.objects.get(pk=pk)»",
            ),
            "in between",
        ),
        (("a = «cursor.execute(1)»", "b = «cursor.execute(1)»"), "plain"),
        (("a = «Company.objects.iterator()»", "b = «Company.objects.iterator()»"), "plain"),
        ((f"return {GET}",), "not within a loop"),
        (("for pk in request:", "    a = «Company.objects.get(pk=pk)»"), "not within a loop"),
    ],
)
def test_advice_alone_when(bench, asked, lines, why):
    text = reason(bench, asked, *lines)
    assert why in text or (why == "other" and "different words" in text)


def test_advice_names_both_places_of_two_functions(bench, asked):
    text = view(f"return {GET}") + f"\n\ndef g():\n    return {GET}\n"
    bench.write(text)
    advice = bench.recommended(fixer, asked(), id="duplicate-query")
    assert "different functions" in advice.reason
    assert advice.summary.startswith("Read it once and pass it on, for shop/views.py:5")


# --- changes ---------------------------------------------------------------------------------


def test_the_first_answer_has_a_name_already(bench, asked):
    lines = (f"company = {GET}", f"return company.name, {GET}.country")
    assert fixed(bench, asked, *lines) == [
        "company = Company.objects.get(pk=1)",
        "return company.name, company.country",
    ]


def test_the_answer_gets_a_name_before_the_first_place(bench, asked):
    lines = (f"if not {GET}.active:", "    return None", f"return {GET}.name")
    assert fixed(bench, asked, *lines) == [
        "company = Company.objects.get(pk=1)",
        "if not company.active:",
        "    return None",
        "return company.name",
    ]


@pytest.mark.parametrize(
    ("kind", "call", "name"),
    [
        ("count", "Company.objects.count()", "companies_count"),
        ("exists", "Company.objects.filter(a=1).exists()", "has_companies"),
        ("aggregate", "Company.objects.aggregate(a=Sum('b'))", "companies_totals"),
        ("get", "Company.objects.filter(pk=pk).first()", "company"),
        ("get", "get_object_or_404(Company, pk=pk)", "company"),
    ],
)
def test_the_name_says_what_is_asked(bench, asked, kind, call, name):
    lines = (f"x = 1 + «{call}»", f"return «{call}», x")
    assert fixed(bench, asked, *lines, kind=kind) == [
        f"{name} = {call}",
        f"x = 1 + {name}",
        f"return {name}, x",
    ]


def test_a_name_that_is_taken_is_left_alone(bench, asked):
    lines = ("company = 1", f"return {GET}, {GET}, company")
    assert fixed(bench, asked, *lines)[1] == "found_company = Company.objects.get(pk=1)"


def test_a_queryset_that_is_looped_over_twice_keeps_its_rows(bench, asked):
    rows = "«Company.objects.filter(a=1)»"
    lines = (f"names = [c.name for c in {rows}]", f"for c in {rows}:", "    names.append(c)")
    assert fixed(bench, asked, *lines, kind="select") == [
        "companies = Company.objects.filter(a=1)",
        "names = [c.name for c in companies]",
        "for c in companies:",
        "    names.append(c)",
    ]


def test_what_a_loop_does_not_change_is_asked_before_it(bench, asked):
    first = "«Company.objects.first()»"
    lines = ("rows = []", "for item in request:", f"    rows.append({first})", "return rows")
    assert fixed(bench, asked, *lines) == [
        "rows = []",
        "company = Company.objects.first()",
        "for item in request:",
        "    rows.append(company)",
        "return rows",
    ]


def test_what_raises_without_a_row_stays_in_a_loop_that_may_be_empty(bench, asked):
    lines = ("rows = []", "for item in request:", f"    rows.append({GET}.name)", "return rows")
    assert reason(bench, asked, *lines).startswith("it raises where no row is found")


def test_sqlalchemy_keeps_the_answer_with_its_await(bench, asked):
    read = "await «db.scalar(select(Company))»"
    lines = (f"x = ({read}).a", f"return ({read}).b, x")
    assert fixed(bench, asked, *lines, orm="sqlalchemy", head="async def f(db):") == [
        "company = await db.scalar(select(Company))",
        "x = company.a",
        "return company.b, x",
    ]


def test_a_function_of_the_database_names_its_answer(bench, asked):
    read = "«db.scalar(select(func.sum(Company.size)))»"
    lines = (f"if {read}:", "    return 1", f"return {read}")
    assert fixed(bench, asked, *lines, orm="sqlalchemy", kind="select")[0] == (
        "companies_sum = db.scalar(select(func.sum(Company.size)))"
    )


def test_sqlalchemy_keeps_the_rows_not_the_result_that_is_read_once(bench, asked):
    read = "(await «db.scalars(select(Company))»).all()"
    lines = (f"for c in {read}: print(c)", f"return {read}")
    assert fixed(
        bench, asked, *lines, orm="sqlalchemy", head="async def f(db):", kind="select"
    ) == [
        "companies = (await db.scalars(select(Company))).all()",
        "for c in companies: print(c)",
        "return companies",
    ]


def test_a_result_that_is_read_once_is_no_answer(bench, asked):
    read = "«db.execute(select(Company))»"
    lines = (f"for c in {read}: print(c)", f"return list({read})")
    assert "plain" in reason(bench, asked, *lines, orm="sqlalchemy", kind="select")


def traced(bench, *stacks):
    """A source whose trace has one request with the same question from each of the stacks."""
    asked = [query("SELECT 1 FROM shop_company", values="7") for _ in stacks]
    ran = [
        replace(one.all[0], stack=stack, fingerprint="f")
        for one, stack in zip(asked, stacks, strict=True)
    ]
    seen = trace(request("GET", "orders/", *(Queries((one,)) for one in ran)))
    return Source([bench.root], bench.models, seen)


def written(bench, asked, source):
    return [
        bench.apply(one)[bench.sites[0].path] if isinstance(one, Patch) else one.reason
        for one in fixer.fix(bench.finding(asked(), id="duplicate-query"), source)
    ]


HELPER = "def get_company():\n    return «Company.objects.get(pk=1)»\n\n\n"


def test_a_function_that_asks_is_called_once(bench, asked):
    bench.write(
        f"{HELPER}def f(request):\n    if «get_company()».active:\n"
        "        return «get_company()».name\n    return None\n"
    )
    inner, first, second = bench.sites
    [text] = written(bench, asked, traced(bench, (inner, first), (inner, second)))
    assert "    company = get_company()\n    if company.active:\n" in text
    assert "        return company.name\n" in text


def test_a_property_that_asks_is_read_once(bench, asked):
    bench.write(
        "class A:\n    @property\n"
        "    def owner(self):\n        return «Company.objects.get()»\n\n\n"
        "def f(a):\n    return «a.owner».name, «a.owner».id\n"
    )
    inner, first, second = bench.sites
    [text] = written(bench, asked, traced(bench, (inner, first), (inner, second)))
    assert text.endswith("def f(a):\n    owner = a.owner\n    return owner.name, owner.id\n")


@pytest.mark.parametrize(
    "helper",
    [
        "def get_company():\n    log.save()\n    return «Company.objects.get(pk=1)»\n",
        "def get_company():\n    yield «Company.objects.get(pk=1)»\n",
        "@contextmanager\ndef get_company():\n    return «Company.objects.get(pk=1)»\n",
    ],
    ids=["writes", "yields", "is a context"],
)
def test_advice_alone_where_the_function_does_more_than_ask(bench, asked, helper):
    bench.write(f"{helper}\n\ndef f():\n    return «get_company()», «get_company()»\n")
    inner, first, second = bench.sites
    assert written(bench, asked, traced(bench, (inner, first), (inner, second))) == [
        "the function that asks does more than ask"
    ]
