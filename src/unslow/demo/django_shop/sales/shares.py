from django.db.models import Sum
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import path

from accounts.models import Customer
from catalog.models import Product
from sales.models import Payment


def payment_shares(request):
    """How the payments divide among the methods."""
    if not Payment.objects.aggregate(total=Sum("amount"))["total"]:
        return JsonResponse({"shares": {}})
    sums = Payment.objects.values("method").annotate(total=Sum("amount")).order_by("method")
    whole = Payment.objects.aggregate(total=Sum("amount"))["total"]
    shares = {row["method"]: round(float(row["total"] / whole), 4) for row in sums}
    return JsonResponse({"shares": shares})


def payment_shares_at_once(request):
    whole = Payment.objects.aggregate(total=Sum("amount"))["total"]
    if not whole:
        return JsonResponse({"shares": {}})
    sums = Payment.objects.values("method").annotate(total=Sum("amount")).order_by("method")
    shares = {row["method"]: round(float(row["total"] / whole), 4) for row in sums}
    return JsonResponse({"shares": shares})


def customer_shares(request):
    page = int(request.GET.get("page", 1))
    customers = Customer.objects.order_by("-email")[(page - 1) * 50 : page * 50]
    spenders = []
    for customer in customers:
        spent = customer.orders.aggregate(total=Sum("total"))["total"] or 0
        spenders.append({"name": customer.name, "spent": float(spent)})
    return JsonResponse({"customers": spenders})


def customer_shares_at_once(request):
    page = int(request.GET.get("page", 1))
    customers = Customer.objects.annotate(spent=Sum("orders__total")).order_by("-email")
    return JsonResponse(
        {
            "customers": [
                {"name": customer.name, "spent": float(customer.spent or 0)}
                for customer in customers[(page - 1) * 50 : page * 50]
            ]
        }
    )


def customer_cards(request):
    customers = Customer.objects.select_related("company").order_by("-name", "id")[:100]
    cards = [render_to_string("card.html", {"customer": customer}) for customer in customers]
    return HttpResponse("".join(cards))


def customer_cards_at_once(request):
    customers = Customer.objects.select_related("company").order_by("-name", "id")[:100]
    return render(request, "cards.html", {"customers": customers})


def product_rating(request, pk):
    product = get_object_or_404(Product, pk=pk)
    return JsonResponse(
        {
            "name": product.name,
            "rating": product.rating and round(product.rating, 2),
            "stars": "*" * round(product.rating or 0),
            "recommended": (product.rating or 0) >= 4,
        }
    )


def product_verdict(request, pk):
    product = get_object_or_404(Product, pk=pk)
    rating = product.rating or 0
    return JsonResponse({"name": product.name, "stars": "*" * round(rating), "good": rating >= 4})


urlpatterns = [
    path("shares/payments/", payment_shares),
    path("shares/payments/at-once/", payment_shares_at_once),
    path("shares/customers/", customer_shares),
    path("shares/customers/at-once/", customer_shares_at_once),
    path("shares/cards/", customer_cards),
    path("shares/cards/at-once/", customer_cards_at_once),
    path("shares/products/<int:pk>/", product_rating),
    path("shares/products/<int:pk>/verdict/", product_verdict),
]
