from django.conf import settings
from django.core.cache import cache
from django.core.mail import send_mail
from django.http import JsonResponse
from django.shortcuts import get_object_or_404

from market.models import Order, Product


def shelf(request, number):
    """Nothing says in which order a shelf is shown."""
    rows = Product.objects.filter(shelf=number)
    return JsonResponse({"products": [{"id": row.pk, "name": row.name} for row in rows]})


def ranked(request):
    """The order is promised by the statement."""
    rows = Product.objects.filter(shelf=1).order_by("-price", "pk")
    return JsonResponse({"products": [row.name for row in rows]})


def listed(request):
    """The order is promised by the code."""
    rows = sorted(Product.objects.filter(shelf=2), key=lambda row: row.name)
    return JsonResponse({"products": [row.name for row in rows]})


def product(request, pk):
    found = get_object_or_404(Product, pk=pk)
    margin = found.price // 10 if request.user.is_superuser else None
    return JsonResponse({"name": found.name, "price": found.price, "margin": margin})


def about(request):
    return JsonResponse({"market": "corner", "generation": settings.GENERATION})


def buy(request, pk):
    found = get_object_or_404(Product, pk=pk)
    order = Order.objects.create(product=found, state="open", customer="ada@x.example")
    send_mail("Thank you", f"Order {order.pk}", "market@x.example", ["ada@x.example"])
    cache.set(f"sold:{found.pk}", 1, 60)
    return JsonResponse({"order": order.pk})
