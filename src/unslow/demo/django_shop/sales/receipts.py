"""Orders that are confirmed at the partner's rate."""

from django.db import transaction
from django.http import JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from sales.models import Order
from sales.rates import partner


@csrf_exempt
@require_POST
def confirm(request, pk):
    with transaction.atomic():
        order = get_object_or_404(Order, pk=pk)
        order.status = Order.Status.PAID
        order.save(update_fields=["status"])
        rate = partner.get("/rates/usual").json()
    return JsonResponse({"number": order.number, "rate": rate})


@csrf_exempt
@require_POST
def confirm_later(request, pk):
    rate = partner.get("/rates/usual").json()
    with transaction.atomic():
        order = get_object_or_404(Order, pk=pk)
        order.status = Order.Status.PAID
        order.save(update_fields=["status"])
    return JsonResponse({"number": order.number, "rate": rate})


urlpatterns = [
    path("orders/<int:pk>/confirm/", confirm),
    path("orders/<int:pk>/confirm/later/", confirm_later),
]
