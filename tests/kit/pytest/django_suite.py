"""A small Django project and its tests, for what the plugin says of them."""

FILES = {
    "pytest.ini": """\
[pytest]
DJANGO_SETTINGS_MODULE = settings
pythonpath = .
asyncio_mode = auto
""",
    "settings.py": """\
SECRET_KEY = "x"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "shop"]
ROOT_URLCONF = "shop.views"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.db"}}
ALLOWED_HOSTS = ["*"]
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
""",
    "shop/__init__.py": "",
    "shop/models.py": """\
from django.db import models

class Company(models.Model):
    name = models.CharField(max_length=20)

class Customer(models.Model):
    name = models.CharField(max_length=20)
    company = models.ForeignKey(Company, models.CASCADE, related_name="customers")
""",
    "shop/service.py": """\
from shop.models import Company, Customer

def names():
    return [one.company.name for one in Customer.objects.order_by("name")]

def sizes():
    return [one.customers.count() for one in Company.objects.all()]

def one(key):
    return Company.objects.get(pk=key).name

def each(keys):
    return [Company.objects.get(pk=key).name for key in keys]

def of(customers):
    return [one.company.name for one in customers]
""",
    "shop/views.py": """\
from django.db import transaction
from django.http import JsonResponse, StreamingHttpResponse
from django.urls import path
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer
from rest_framework.views import APIView
from shop.models import Company, Customer

def answer(customers):
    return JsonResponse({"names": [one.company.name for one in customers]})

def slow(request):
    return answer(Customer.objects.filter(pk__gt=0))

def joined(request):
    return answer(Customer.objects.select_related("company"))

def allowed(request):
    # unslow: allow repeated-query -- they are few
    return answer(Customer.objects.all())

@transaction.atomic
def saved(request):
    Company.objects.create(name=request.POST["name"])
    return JsonResponse({})

async def slow_async(request):
    found = Customer.objects.filter(pk__gt=0)
    return JsonResponse({"names": [(await Company.objects.aget(pk=one.company_id)).name
                                   async for one in found]})

class Nested(ModelSerializer):
    class Meta:
        model = Customer
        fields = ["name", "company"]
        depth = 1

class Api(APIView):
    authentication_classes = []
    def get(self, request):
        return Response(Nested(Customer.objects.all(), many=True).data)

urlpatterns = [
    path("slow/", slow), path("joined/", joined), path("allowed/", allowed),
    path("saved/", saved), path("async/", slow_async), path("api/", Api.as_view()),
]
""",
    "tests/test_shop.py": """\
import urllib.request

import pytest
from django.test import AsyncClient, TestCase
from rest_framework.test import APIClient
from shop import service
from shop.models import Company, Customer

def fill():
    for n in range(6):
        Customer.objects.create(name=f"c{n}", company=Company.objects.create(name=f"f{n}"))

@pytest.fixture
def shop(db):
    fill()
    [one.company for one in Customer.objects.all()]

def test_joined(client, shop):
    assert client.get("/joined/").status_code == 200

def test_allowed(client, shop):
    assert client.get("/allowed/").status_code == 200

def test_own_loop(shop):
    for one in Customer.objects.all():
        assert one.company.name

def test_many_requests(client, shop):
    for _ in range(8):
        client.get("/joined/")

def test_called_in_a_loop(shop):
    for key in Company.objects.values_list("pk", flat=True):
        service.one(key)

def test_own_queryset(shop):
    assert service.of(Customer.objects.all())

def test_slow(client, shop):
    assert client.get("/slow/").json()["names"][0] == "f0"

def test_api(shop):
    assert APIClient().get("/api/").status_code == 200

def test_service(shop):
    assert service.names()

def test_sizes(shop):
    assert service.sizes()

def test_each(shop):
    assert service.each(list(Company.objects.values_list("pk", flat=True)))

@pytest.mark.django_db(transaction=True)
async def test_async():
    from asgiref.sync import sync_to_async
    await sync_to_async(fill)()
    assert (await AsyncClient().get("/async/")).status_code == 200

def test_live(live_server):
    fill()
    urllib.request.urlopen(live_server.url + "/slow/").read()

def test_wrong_anyhow(client, shop):
    client.get("/slow/")
    assert False, "its own failure"

class Cases(TestCase):
    def setUp(self):
        fill()
        service.names()

    @pytest.mark.max_queries(1)
    def test_case_that_is_fine(self):
        self.client.get("/joined/")

    def test_case(self):
        self.client.get("/slow/")

@pytest.mark.max_queries(1)
def test_few(client, shop):
    client.get("/joined/")

@pytest.mark.max_queries(1)
def test_saved_in_a_transaction(client, db):
    client.post("/saved/", {"name": "x"})

@pytest.mark.max_queries(2)
def test_too_many(client, shop):
    client.get("/allowed/")

def test_block_that_is_fine(client, shop, max_queries):
    client.get("/allowed/")
    with max_queries(1):
        client.get("/joined/")

def test_block(client, shop, max_queries):
    with max_queries(3):
        client.get("/allowed/")

def test_no_errors():
    from unslow.observe import _wire
    assert _wire.errors() == 0

def test_snapshot(client, shop, query_snapshot):
    with query_snapshot("list"):
        client.get("/joined/")
    with query_snapshot("all"):
        client.get("/allowed/")
""",
}
