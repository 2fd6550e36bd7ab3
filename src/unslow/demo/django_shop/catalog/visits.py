from django.core.cache import cache
from django.http import JsonResponse

from catalog.models import Product


def product_visits(request):
    """How often each product was looked at, as the storefront counts it."""
    page = int(request.GET.get("page", 1))
    rows = []
    for product in Product.objects.order_by("id")[(page - 1) * 100 : page * 100]:
        visits = cache.get(f"visits:{product.id}", 0)
        rows.append({"sku": product.sku, "visits": visits})
    return JsonResponse({"products": rows})


def latest_visits(request):
    products = list(Product.objects.order_by("-id")[:50])
    visits = cache.get_many([f"visits:{product.id}" for product in products])
    rows = [
        {"sku": product.sku, "visits": visits.get(f"visits:{product.id}", 0)}
        for product in products
    ]
    return JsonResponse({"products": rows})
