from collections import defaultdict

from django.db.models import Count, Sum
from django.http import JsonResponse

from catalog.models import Inventory, Product, Review
from sales.models import Order, Payment


def stock(request):
    """How many pieces lie in the warehouses."""
    entries = Inventory.objects.filter(quantity__gt=0)
    pieces = sum(entry.quantity for entry in entries)
    mean = pieces / len(entries) if entries else 0
    return JsonResponse({"products": len(entries), "pieces": pieces, "mean": mean})


def stock_in_the_database(request):
    totals = Inventory.objects.filter(quantity__gt=0).aggregate(
        products=Count("id"), pieces=Sum("quantity")
    )
    return JsonResponse(totals)


def warehouses(request):
    """How many pieces lie in each warehouse."""
    pieces = defaultdict(int)
    for entry in Inventory.objects.filter(quantity__gt=0):
        pieces[entry.warehouse] += entry.quantity
    return JsonResponse({"warehouses": pieces})


def warehouses_in_the_database(request):
    entries = Inventory.objects.filter(quantity__gt=0).values("warehouse")
    pieces = entries.annotate(pieces=Sum("quantity")).order_by("warehouse")
    return JsonResponse({"warehouses": list(pieces)})


def company_revenue(request, pk):
    revenue = 0
    for order in Order.objects.filter(customer__company=pk):
        revenue += order.total
    return JsonResponse({"revenue": revenue})


def ratings(request):
    """The latest ratings, for the chart."""
    reviews = Review.objects.order_by("-id")[:500]
    return JsonResponse({"ratings": [review.rating for review in reviews]})


def latest_ratings(request):
    ratings = Review.objects.order_by("-id").values_list("rating", flat=True)[:500]
    return JsonResponse({"ratings": list(ratings)})


def price_labels(request):
    """What the labels on the shelves say."""
    labels = []
    for product in Product.objects.order_by("id")[:300]:
        labels.append(f"{product.name} ({product.sku}): {product.price}")
    return JsonResponse({"labels": labels})


def complaints(request):
    unhappy = Review.objects.filter(rating__lte=2).count() > 0
    return JsonResponse({"unhappy": unhappy})


def any_complaint(request):
    return JsonResponse({"unhappy": Review.objects.filter(rating__lte=2).exists()})


def scarce(request):
    """Whether anything has to be ordered soon."""
    entries = Inventory.objects.filter(quantity__lt=400)
    if entries:
        return JsonResponse({"message": "Look at the shelves"})
    return JsonResponse({"message": "All is well"})


def discontinued(request):
    products = Product.objects.order_by("id")
    return JsonResponse(
        {"products": [shown(product) for product in products if not product.active]}
    )


def shown(product):
    return {"sku": product.sku, "name": product.name, "price": product.price}


def discontinued_in_sql(request):
    products = Product.objects.filter(active=False).order_by("id")
    return JsonResponse({"products": [shown(product) for product in products]})


def scarcest(request):
    """What to order first."""
    entries = sorted(Inventory.objects.all(), key=lambda entry: entry.quantity)[:10]
    rows = [{"product": entry.product_id, "left": entry.quantity} for entry in entries]
    return JsonResponse({"scarcest": rows})


def amounts(request):
    payments = Payment.objects.select_related("order__customer").order_by("-id")[:300]
    rows = [
        {"id": payment.id, "amount": payment.amount, "method": payment.method}
        for payment in payments
    ]
    return JsonResponse({"payments": rows})


def amounts_by_order(request):
    payments = Payment.objects.select_related("order").order_by("-id")[:90]
    rows = [{"amount": payment.amount, "order": payment.order.number} for payment in payments]
    return JsonResponse({"payments": rows})


def dearest(request):
    products = list(Product.objects.order_by("-price", "id"))
    product = products[0]
    return JsonResponse({"name": product.name, "price": product.price})


def cheapest(request):
    product = Product.objects.order_by("price", "id").first()
    return JsonResponse({"name": product.name, "price": product.price})
