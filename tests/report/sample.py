"""A report as an audit of a small shop makes it, with its sources: every kind of verdict once."""

import difflib
import hashlib
import random

from unslow.model import (
    Cost,
    Counters,
    Distribution,
    Endpoint,
    EndpointEffect,
    Environment,
    Excerpt,
    Fix,
    IndexEvidence,
    Interval,
    Latency,
    NewFile,
    Noise,
    QueryTotals,
    RepeatedLoad,
    RepeatEvidence,
    Report,
    ReportedFinding,
    Responses,
    Site,
    Skipped,
    TargetInfo,
    TextEdit,
    Total,
    Verdict,
    WaterfallBar,
)

SOURCES = {
    "shop/views.py": '''\
from rest_framework.viewsets import ReadOnlyModelViewSet

from shop.models import Order, Product
from shop.serializers import OrderSerializer, ProductSerializer


class OrderViewSet(ReadOnlyModelViewSet):
    """The newest orders first."""

    queryset = Order.objects.order_by("-created_at")
    serializer_class = OrderSerializer


class ProductViewSet(ReadOnlyModelViewSet):
    queryset = Product.objects.filter(archived=False)  # « naïve » & plain
    serializer_class = ProductSerializer
''',
    "shop/serializers.py": """\
from rest_framework import serializers

from shop.models import Order, Product


class OrderSerializer(serializers.ModelSerializer):
    customer = serializers.CharField(source="customer.company.name")

    class Meta:
        model = Order
        fields = ["id", "customer", "status"]
""",
    "shop/models.py": """\
from django.db import models


class Order(models.Model):
    customer = models.ForeignKey("Customer", on_delete=models.CASCADE)
    status = models.CharField(max_length=20)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
""",
}

ORDERS = "GET api/orders/"
ORDER = "GET api/orders/<int:pk>/"
PRODUCTS = "GET api/products/"
DASHBOARD = "GET dashboard/"

SELECT_CUSTOMER = 'SELECT "shop_customer"."id", "shop_customer"."name" FROM "shop_customer" WHERE "shop_customer"."id" = ? LIMIT ?'  # noqa: E501
SELECT_ORDERS = 'SELECT "shop_order"."id", "shop_order"."status" FROM "shop_order" ORDER BY "shop_order"."created_at" DESC LIMIT ?'  # noqa: E501
MIGRATION = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                fields=["-created_at"], name="shop_order_created_at_idx"
            ),
        ),
    ]
"""


def site(path: str, text: str, function: str) -> Site:
    """The place of `text` (one line) in one of the sources, columns in bytes as `ast` has them."""
    source = SOURCES[path].encode()
    start = source.index(text.encode())
    line = source.count(b"\n", 0, start) + 1
    column = start - (source.rfind(b"\n", 0, start) + 1)
    return Site(path, line, line, column, column + len(text.encode()), function)


def edit(path: str, old: str, new: str) -> TextEdit:
    start = SOURCES[path].encode().index(old.encode())
    return TextEdit(path, start, start + len(old.encode()), new)


def patched(edits: tuple[TextEdit, ...]) -> dict[str, str]:
    texts = {e.path: SOURCES[e.path].encode() for e in edits}
    for e in sorted(edits, key=lambda e: e.start, reverse=True):
        texts[e.path] = texts[e.path][: e.start] + e.text.encode() + texts[e.path][e.end :]
    return {path: text.decode() for path, text in texts.items()}


def diff(edits: tuple[TextEdit, ...], files: tuple[NewFile, ...] = ()) -> str:
    pairs = [(path, SOURCES[path], text) for path, text in patched(edits).items()]
    pairs += [(file.path, "", file.text) for file in files]
    return "".join(
        line
        for path, before, after in pairs
        for line in difflib.unified_diff(
            before.splitlines(True), after.splitlines(True), f"a/{path}", f"b/{path}"
        )
    )


def samples(before: float, after: float, seed: int) -> Distribution:
    rng = random.Random(seed)
    return Distribution(
        tuple(round(before * rng.gauss(1, 0.03), 2) for _ in range(6)),
        tuple(round(after * rng.gauss(1, 0.03), 2) for _ in range(6)),
    )


def excerpt(path: str, line: int, around: int = 1) -> Excerpt:
    lines = SOURCES[path].splitlines()
    first = max(1, line - around)
    return Excerpt(first, tuple(lines[first - 1 : line + around]))


def proven(endpoint: str, before: float, after: float, queries: Counters) -> Verdict:
    ratio = before / after
    speedup = Interval(round(ratio, 2), round(ratio * 0.93, 2), round(ratio * 1.08, 2))
    guard = EndpointEffect(DASHBOARD, Interval(1.0, 0.98, 1.02), 0.3, "guard")
    return Verdict(
        "proven",
        "equal responses, less CPU, and the held-out requests agree",
        speedup,
        evidence=5120.0,
        queries=queries,
        launches=6,
        requests=600,
        responses=Responses(120, 120, masked=("body.generated_at",)),
        effects=(
            EndpointEffect(endpoint, speedup, 5120.0, "target", queries, samples(before, after, 1)),
            guard,
        ),
        replicated=True,
    )


def select_related() -> Fix:
    old = 'Order.objects.order_by("-created_at")'
    edits = (edit("shop/views.py", old, f'{old}.select_related("customer__company")'),)
    return Fix(
        "django-select-related",
        'Load `customer` and `customer.company` with the orders: `.select_related("customer__company")`',  # noqa: E501
        "safe",
        diff(edits),
        proven(ORDERS, 182.4, 15.1, Counters(101, 1)),
        kept=True,
        edits=edits,
    )


def prefetch_related() -> Fix:
    old = 'Order.objects.order_by("-created_at")'
    edits = (edit("shop/views.py", old, f'{old}.prefetch_related("customer__company")'),)
    verdict = proven(ORDERS, 182.4, 24.8, Counters(101, 3))
    return Fix(
        "django-prefetch-related",
        'Load them in two queries: `.prefetch_related("customer__company")`',
        "safe",
        diff(edits),
        verdict,
        edits=edits,
    )


def index() -> Fix:
    old = 'ordering = ["id"]\n'
    new = (
        old + '        indexes = [\n            models.Index(fields=["-created_at"], '
        'name="shop_order_created_at_idx")\n        ]\n'
    )
    edits = (edit("shop/models.py", old, new),)
    files = (NewFile("shop/migrations/0002_order_created_at.py", MIGRATION),)
    return Fix(
        "django-index",
        "Index `shop_order (created_at DESC)` in `Order.Meta` and a migration",
        "review",
        diff(edits, files),
        proven(ORDERS, 40.2, 11.7, Counters(1, 1)),
        kept=True,
        edits=edits,
        files=files,
        sql=('CREATE INDEX "shop_order_created_at_idx" ON "shop_order" ("created_at" DESC)',),
    )


def different() -> Fix:
    old = "Product.objects.filter(archived=False)"
    edits = (edit("shop/views.py", old, f'{old}.select_related("brand")'),)
    responses = Responses(
        40,
        39,
        first_difference='GET /api/products/?q=<script>alert("x")</script>: body[3].brand is null, was "Acme & Söhne"',  # noqa: E501
    )
    return Fix(
        "django-select-related",
        'Load `brand` with the products: `.select_related("brand")`',
        "safe",
        diff(edits),
        Verdict("different", "a response differs", responses=responses, queries=Counters(21, 1)),
        edits=edits,
    )


def inconclusive() -> Fix:
    return Fix(
        "django-in-bulk",
        "Read the brands by one `in_bulk()`",
        "review",
        "",
        Verdict(
            "inconclusive",
            "the time budget ended after 9 launch pairs",
            Interval(1.05, 0.97, 1.14),
            evidence=1.4,
            launches=9,
            requests=900,
            responses=Responses(40, 40),
            smallest_detectable=0.08,
        ),
    )


def advice() -> Fix:
    return Fix(
        "sqlalchemy-in-query",
        "Collect the ids first and read the rows by one `IN` query",
        "review",
        "",
        Verdict("not-run", "the loop has side effects that a rewrite could reorder"),
    )


def endpoint(
    name: str, requests: int, p50: float, queries: float, bars: tuple[WaterfallBar, ...] = ()
) -> Endpoint:
    method, _, route = name.partition(" ")
    return Endpoint(
        method,
        route,
        requests,
        {"200": requests},
        Latency(p50, round(p50 * 1.3, 1), round(p50 * 1.7, 1)),
        round(p50 * 0.8, 1),
        QueryTotals(queries, max(1, int(queries > 1) + 1), round(p50 * 0.4, 1)),
        bars,
    )


def waterfall() -> tuple[WaterfallBar, ...]:
    cause = site("shop/views.py", 'Order.objects.order_by("-created_at")', "OrderViewSet")
    symptom = site("shop/serializers.py", 'source="customer.company.name"', "OrderSerializer")
    first = WaterfallBar(2.1, 38.0, SELECT_ORDERS, cause)
    rest = [WaterfallBar(round(42 + i * 1.7, 2), 0.9, SELECT_CUSTOMER, symptom) for i in range(100)]
    return (first, *rest)


def repeated_orders() -> ReportedFinding:
    cause = site("shop/views.py", 'Order.objects.order_by("-created_at")', "OrderViewSet")
    use = site("shop/serializers.py", 'serializers.CharField(source="customer.company.name")', "")
    load = RepeatedLoad(
        SELECT_CUSTOMER,
        "f1a2",
        100,
        relation_path=("customer", "company"),
        uses=(use,),
        through=("OrderSerializer.customer",),
        example_sql=SELECT_CUSTOMER.replace("?", "%s"),
    )
    return ReportedFinding(
        "repeated-query",
        f"{ORDERS} runs 100 queries of one shape, one for each order's customer",
        "high",
        "certain",
        (ORDERS, ORDER),
        cause,
        use,
        RepeatEvidence((load,)),
        Cost(100, 141.2, 0.78),
        (select_related(), prefetch_related()),
        excerpt(cause.path, cause.line),
    )


def unindexed_orders() -> ReportedFinding:
    cause = site("shop/views.py", 'order_by("-created_at")', "OrderViewSet")
    return ReportedFinding(
        "unindexed-sort",
        f"{ORDERS} sorts 20 000 rows of shop_order to return 20",
        "medium",
        "likely",
        (ORDERS,),
        cause,
        None,
        IndexEvidence(
            SELECT_ORDERS,
            "shop_order",
            order=("-created_at",),
            model="shop.Order",
            rows_read=20000,
            rows_used=20,
            example_sql=SELECT_ORDERS.replace("?", "%s"),
        ),
        Cost(1, 28.5, 0.11),
        (index(),),
        excerpt(cause.path, cause.line),
    )


def repeated_products() -> ReportedFinding:
    cause = site("shop/views.py", "Product.objects.filter(archived=False)", "ProductViewSet")
    return ReportedFinding(
        "repeated-query",
        f"{PRODUCTS} runs 20 queries of one shape, one for each product's brand",
        "low",
        "possible",
        (PRODUCTS,),
        cause,
        None,
        RepeatEvidence((RepeatedLoad('SELECT "</script><b>"', "9c", 20),)),
        Cost(20, 6.25, 0.03),
        (different(), inconclusive(), advice()),
        excerpt(cause.path, cause.line),
    )


def total() -> Total:
    effects = (
        EndpointEffect(
            ORDERS,
            Interval(14.6, 13.5, 15.8),
            9000,
            "target",
            Counters(101, 1),
            samples(222, 15, 7),
        ),
        EndpointEffect(
            DASHBOARD, Interval(1.0, 0.98, 1.02), 0.2, "guard", Counters(4, 4), samples(9, 9, 8)
        ),
    )
    return Total(
        Interval(10.4, 9.8, 11.1),
        proven=2,
        inconclusive=1,
        rejected=1,
        effects=effects,
        queries=Counters(126, 26),
        verdict="proven",
    )


def sample() -> Report:
    files = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in SOURCES.items()}
    return Report(
        1,
        "0.1.0",
        TargetInfo("django", "Django 5.2.19", "postgresql 18.4", "."),
        Environment(2, "3.11.13", Noise(0.012, 0.04, 0.031, 3)),
        (
            endpoint(ORDERS, 50, 182.4, 101, waterfall()),
            endpoint(ORDER, 50, 6.1, 3),
            endpoint(PRODUCTS, 40, 31.0, 21),
            endpoint(DASHBOARD, 20, 9.4, 4),
        ),
        (repeated_orders(), unindexed_orders(), repeated_products()),
        (
            Skipped("POST api/payments/", "the body's schema is not declared"),
            Skipped("GET admin/<path:url>", "needs a login: try --login USER"),
        ),
        total(),
        created="2026-11-22T14:03:11Z",
        seconds=461.0,
        blocked=("smtp.example.com:25",),
        files=files,
    )


def clean() -> Report:
    """A report of an application with nothing to say about."""
    return Report(
        1,
        "0.1.0",
        TargetInfo("fastapi", "FastAPI 0.165.0", "postgresql 18.4", "."),
        Environment(2, "3.11.13"),
        (endpoint("GET /health", 50, 1.2, 0),),
        (),
        (),
        Total(None, 0, 0, 0),
    )
