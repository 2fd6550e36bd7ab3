"""Runs `shop.views.run()` of folders on real rows; prints how many queries and what it gave."""

import json
import os
import sys

import django
from django.conf import settings
from django.db import models  # noqa: F401  (imported once, before the forks)
from django.db.backends.sqlite3 import base  # noqa: F401


def set_up(folder: str, dsn: str) -> None:
    sys.path.insert(0, folder)
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    if dsn:
        database = {"ENGINE": "django.db.backends.postgresql", **json.loads(dsn)}
    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "shop"],
        DATABASES={"default": database},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()


def create() -> None:
    from django.apps import apps
    from django.db import connection

    with connection.schema_editor() as editor:
        for model in apps.get_models():
            editor.create_model(model)


def fill() -> None:
    from django.contrib.contenttypes.models import ContentType

    from shop.models import Company, Customer, Item, Note, Order, Product, Profile, Tag

    companies = [Company.objects.create(name=f"company {n}") for n in range(3)]
    customers = [
        Customer.objects.create(name=f"customer {n}", company=[None, *companies][n % 4])
        for n in range(7)
    ]
    for customer in customers[:4]:
        Profile.objects.create(customer=customer, name=f"profile of {customer.name}")
    tags = [Tag.objects.create(name=f"tag {n}") for n in range(3)]
    products = [Product.objects.create(name=f"product {n}") for n in range(5)]
    for n, product in enumerate(products):
        product.tags.set(tags[: n % 4])
    kinds = [ContentType.objects.get_for_model(model) for model in (Company, Customer)]
    for n in range(12):
        order = Order.objects.create(
            status=["open", "paid", "sent"][n % 3],
            total=n,
            customer=customers[n % 7],
            courier=[None, *companies][n % 4],
            kind=kinds[n % 2],
            object_id=n % 3 + 1,
        )
        for quantity in range(n % 4):
            Item.objects.create(
                order=order, product=products[(n + quantity) % 5], quantity=quantity + n % 3
            )
        for _ in range(n % 3):
            Note.objects.create(order=order, name=f"note on {n}")


def answer(folder: str, dsn: str) -> None:
    set_up(folder, dsn)
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    create()
    fill()
    from shop import views

    with CaptureQueriesContext(connection) as captured:
        result = views.run()
    print(json.dumps({"queries": len(captured), "result": result}, default=str), flush=True)
    if dsn:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


if __name__ == "__main__":
    dsn, *folders = sys.argv[1:]
    for folder in folders:
        child = os.fork()
        if not child:
            answer(folder, dsn)
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            sys.exit(1)
