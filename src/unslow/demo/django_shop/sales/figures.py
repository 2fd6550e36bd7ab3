from django.db.models import Count, Sum
from django.http import JsonResponse

from catalog.models import Inventory
from sales.models import Order


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


def company_revenue(request, pk):
    revenue = 0
    for order in Order.objects.filter(customer__company=pk):
        revenue += order.total
    return JsonResponse({"revenue": revenue})
