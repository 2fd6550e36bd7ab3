import csv
from datetime import datetime, timedelta

from django.db.models import Count, Sum
from django.http import HttpResponse, JsonResponse
from django.utils import timezone

from accounts.models import Company, Customer
from catalog.models import Product
from sales.models import Order, OrderItem


def export(request):
    """The orders of a page as CSV, for the accountants."""
    page = int(request.GET.get("page", 1))
    response = HttpResponse(content_type="text/csv")
    writer = csv.writer(response)
    for order in Order.objects.all().order_by("id")[(page - 1) * 100 : page * 100]:
        writer.writerow(export_row(order))
    return response


def export_row(order):
    return [order.number, order.total, *billing_columns(order.customer), seller(order)]


def billing_columns(customer):
    company = customer.company
    return [customer.name, company.name, company.vat_number, company.country.code]


def seller(order):
    return order.placed_by.username if order.placed_by else ""


def companies(request):
    """How many customers each company has, and who they are."""
    page = int(request.GET.get("page", 1))
    rows = []
    for company in Company.objects.order_by("vat_number", "id")[(page - 1) * 100 : page * 100]:
        count = Customer.objects.filter(company=company).count()
        contacts = Customer.objects.filter(company=company).order_by("id")
        names = [contact.name for contact in contacts]
        rows.append({"company": company.name, "customers": count, "names": names})
    return JsonResponse({"companies": rows})


def bestsellers(request):
    ranking = (
        OrderItem.objects.filter(order_id__lte=1000)
        .values("product_id")
        .annotate(sold=Sum("quantity"))
        .order_by("-sold", "product_id")[:100]
    )
    rows = []
    for entry in ranking:
        product = Product.objects.get(id=entry["product_id"])
        rows.append({"name": product.name, "price": product.price, "sold": entry["sold"]})
    return JsonResponse({"bestsellers": rows})


def bestsellers_in_one_query(request):
    ranking = (
        OrderItem.objects.filter(order_id__lte=1000)
        .values("product_id", "product__name")
        .annotate(sold=Sum("quantity"))
        .order_by("-sold", "product_id")[:50]
    )
    return JsonResponse({"bestsellers": list(ranking)})


def day(request):
    """What was ordered on one day."""
    start = timezone.make_aware(datetime.fromisoformat(request.GET.get("day", "2025-06-01")))
    orders = Order.objects.filter(placed_at__gte=start, placed_at__lt=start + timedelta(days=1))
    totals = orders.aggregate(orders=Count("id"), revenue=Sum("total"))
    return JsonResponse(totals)


def statuses(request):
    counts = Order.objects.values("status").annotate(orders=Count("id")).order_by("status")
    return JsonResponse({"statuses": list(counts)})
