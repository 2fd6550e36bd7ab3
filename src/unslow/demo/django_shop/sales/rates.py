"""What the shop asks its partner."""

import json
import os
from urllib.request import urlopen

import httpx
from django.http import JsonResponse
from django.urls import path

from catalog.models import Product

PARTNER_URL = os.environ.get("PARTNER_URL", "http://localhost:8099")

partner = httpx.Client(base_url=PARTNER_URL, timeout=5)


def fresh_rate(request):
    answer = httpx.get(f"{PARTNER_URL}/rates/fresh", timeout=5)
    return JsonResponse(answer.json())


def usual_rate(request):
    return JsonResponse(partner.get("/rates/usual").json())


def patient_rate(request):
    with urlopen(f"{PARTNER_URL}/rates/patient") as answer:
        return JsonResponse(json.load(answer))


def partner_stock(request):
    """What the partner has of the newest products."""
    rows = []
    for sku in Product.objects.order_by("-id").values_list("sku", flat=True)[:6]:
        answer = partner.get(f"/stock/{sku}").json()
        rows.append({"sku": sku, "stock": answer["value"]})
    return JsonResponse({"products": rows})


urlpatterns = [
    path("rates/fresh/", fresh_rate),
    path("rates/usual/", usual_rate),
    path("rates/patient/", patient_rate),
    path("rates/stock/", partner_stock),
]
