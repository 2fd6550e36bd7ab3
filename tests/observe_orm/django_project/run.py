"""Drives the project under the recorder and prints every request's queries as JSON."""

import asyncio
import json
import os
import sys

PROJECT = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, PROJECT)
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"

from unslow.observe import _follow, _imports, _integrations, _record, _sites, _wire  # noqa: E402

sent = []
_wire.send = sent.append
_wire.ask = lambda question: {"path": question.get("path"), "params": question.get("params")}
_record.configure(os.environ.get("UNSLOW_LEVEL", "full"), "token")
# Without a root, the application is what the settings name.
_sites.configure([] if os.environ.get("PROJECT_ROOTLESS") else [PROJECT], [])
_imports.watch()
_follow.install()
_integrations.install()

import django  # noqa: E402
from django.core.management import call_command  # noqa: E402

django.setup()


def fill():
    from django.contrib.auth.models import User

    from shop.models import Comment, Company, Customer, Item, Order, Product, Profile, Tag

    companies = [Company.objects.create(name=f"company {n}") for n in range(3)]
    customers = [
        Customer.objects.create(name=f"customer {n}", company=company)
        for n, company in enumerate(companies)
    ]
    tags = [Tag.objects.create(name=f"tag {n}") for n in range(2)]
    products = [Product.objects.create(name=f"product {n}") for n in range(2)]
    for customer in customers:
        Profile.objects.create(customer=customer, bio="bio")
        order = Order.objects.create(customer=customer, notes="long")
        order.tags.set(tags)
        for product in products:
            Item.objects.create(order=order, product=product)
        Comment.objects.create(text="hm", target=order)
    User.objects.create_user("ada", password="secret")


class Record(_record.RequestRecord):
    def __init__(self, path, threaded=True):
        super().__init__("", "GET", path, threaded=threaded)


def wsgi(path):
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import RequestFactory

    handler = wsgi.handler = getattr(wsgi, "handler", None) or WSGIHandler()
    record = Record(path)
    left = _record.enter(record)
    response = handler(RequestFactory().get(path).environ, lambda status, headers: None)
    body = b"".join(response)
    response.close()
    _record.leave(left)
    record.closed = True
    return record, response.status_code, body


async def asgi(path):
    from django.core.asgi import get_asgi_application
    from django.test import AsyncRequestFactory

    record = Record(path, threaded=False)
    _record.enter(record)
    scope = AsyncRequestFactory()._base_scope(path=path)
    scope["headers"] = []
    sent = []
    held = asyncio.Event()

    async def receive():
        if not getattr(receive, "done", False):
            receive.done = True
            return {"type": "http.request", "body": b""}
        await held.wait()

    async def send(message):
        sent.append(message)

    await get_asgi_application()(scope, receive, send)
    record.closed = True
    return record, sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:])


def hooked():
    from django.db.backends.utils import CursorWrapper
    from django.db.models import QuerySet

    return {
        "execute": hasattr(CursorWrapper.execute, "__wrapped__"),
        "queryset": hasattr(QuerySet._clone, "__wrapped__"),
    }


def logged_in(cookie):
    from django.test import RequestFactory

    answer = wsgi.handler(
        RequestFactory(headers={"Cookie": cookie}).get("/account/").environ, lambda *_: None
    )
    return b"".join(answer).decode()


def main():
    from django.contrib.contenttypes.models import ContentType

    from shop import views

    call_command("migrate", run_syncdb=True, verbosity=0)
    fill()
    results = {}
    paths = [f"/{name}/" for name in views.VIEWS]
    paths += [
        "/api/orders/",
        "/api/orders/1/",
        "/flat/",
        "/filtered/",
        "/listed/",
        "/overridden/",
        "/detail/1/",
    ]
    for path in paths:
        ContentType.objects.clear_cache()
        results[path] = wsgi(path)
    for name in ("async_for", "async_get", "async_lazy", "async_related", "async_bridged"):
        path = f"/async/{name}/"
        results[path] = asyncio.run(asgi(path))
    answer = {
        path: {
            "status": status,
            "body": body.decode(),
            "route": record.route,
            "view": record.view,
            "queries": record.queries,
        }
        for path, (record, status, body) in results.items()
    }
    from unslow.observe import django as integration

    record = Record("/describe")
    left = _record.enter(record)
    described = integration.describe()
    _record.leave(left)
    print(
        json.dumps(
            {
                "requests": answer,
                "errors": [message for message in sent if message["type"] == "error"],
                "describe": described,
                "describing": [query["sql"] for query in record.queries],
                "account": logged_in(integration.login("ada")["Cookie"]),
                "django": django.VERSION[:2],
                "hooked": hooked(),
            },
            default=str,
        )
    )


if __name__ == "__main__":
    main()
