from datetime import date

from django.db.models import Count, Sum
from django.http import JsonResponse
from django.shortcuts import get_object_or_404

from accounts.models import Country, Customer
from catalog.models import Review, StockMovement, Supplier
from sales.models import Shipment


def find_shipment(request, tracking_number):
    """What a customer typed, in whatever case."""
    shipment = get_object_or_404(Shipment, tracking_number__iexact=tracking_number)
    return JsonResponse({"carrier": shipment.carrier, "shipped_at": shipment.shipped_at})


def find_country(request, code):
    country = get_object_or_404(Country, code__iexact=code)
    return JsonResponse({"name": country.name})


def search_reviews(request):
    words = request.GET.get("q", "buyer 1234")
    reviews = Review.objects.filter(title__icontains=words).order_by("id")
    return JsonResponse({"reviews": [{"title": review.title} for review in reviews[:20]]})


def search_suppliers(request):
    words = request.GET.get("q", "works 1")
    suppliers = Supplier.objects.filter(name__icontains=words).order_by("id")
    return JsonResponse({"suppliers": [{"name": supplier.name} for supplier in suppliers[:20]]})


def movement_archive(request):
    """The movements page by page; the last page is what one sees first."""
    movements = StockMovement.objects.order_by("id")
    pages = -(-movements.count() // 50)
    page = int(request.GET.get("page", pages))
    rows = [
        {"reference": movement.reference, "kind": movement.kind, "quantity": movement.quantity}
        for movement in movements[(page - 1) * 50 : page * 50]
    ]
    return JsonResponse({"pages": pages, "movements": rows})


def movement_feed(request):
    """The movements after one that the client has."""
    after = int(request.GET.get("after", 150_000))
    movements = StockMovement.objects.filter(id__gt=after).order_by("id")[:50]
    rows = [
        {"id": movement.id, "reference": movement.reference, "kind": movement.kind}
        for movement in movements
    ]
    return JsonResponse({"movements": rows})


def moved_on(request):
    """How many pieces were moved on one day."""
    day = date.fromisoformat(request.GET.get("day", "2025-06-01"))
    movements = StockMovement.objects.filter(happened_at__date=day)
    return JsonResponse(movements.aggregate(pieces=Sum("quantity")))


def customers_of(request):
    """How many customers came on one day."""
    day = date.fromisoformat(request.GET.get("day", "2025-06-01"))
    return JsonResponse({"customers": Customer.objects.filter(created_at__date=day).count()})


def worst_products(request):
    """The products with the most reviews of one star."""
    bad = Review.objects.filter(rating=1).values("product_id").annotate(reviews=Count("id"))
    return JsonResponse({"products": list(bad.order_by("-reviews", "product_id")[:10])})
