import redis
from django.conf import settings
from django.core.cache import cache
from django.db.models import Avg, Count, Sum
from django.http import JsonResponse

from catalog.models import Product
from sales.models import OrderItem

client = redis.Redis.from_url(settings.CACHES["default"]["LOCATION"])


def turnover(request):
    """For the screen in the hall, the same for everybody."""
    countries = OrderItem.objects.values("order__customer__company__country__name").annotate(
        orders=Count("order", distinct=True), sold=Sum("quantity"), price=Avg("unit_price")
    )
    rows = countries.order_by("order__customer__company__country__name")
    return JsonResponse({"countries": list(rows)})


def supplier_turnover(request, pk):
    key = f"turnover:{pk}"
    turnover = cache.get(key)
    if turnover is None:
        products = OrderItem.objects.filter(order_id__lte=8000).exclude(product__supplier=pk)
        sold = products.values("product__sku").annotate(
            sold=Sum("quantity"), orders=Count("order", distinct=True)
        )
        turnover = list(sold.order_by("-sold", "product__sku")[:20])
        cache.set(key, turnover, 300)
    return JsonResponse({"products": turnover})


def visited(request):
    """How many products were looked at."""
    return JsonResponse({"visited": len(client.keys("*visits:*"))})


def visited_today(request):
    return JsonResponse({"visited": client.scard("visited-today")})


def teaser(request, pk):
    product = Product.objects.get(pk=pk)
    text = f"{product.name}, now {product.price}"
    cache.set(f"teaser:{pk}", text, None)
    return JsonResponse({"teaser": text})


def short_teaser(request, pk):
    product = Product.objects.get(pk=pk)
    cache.set(f"short-teaser:{pk}", product.name, 60)
    return JsonResponse({"teaser": product.name})
