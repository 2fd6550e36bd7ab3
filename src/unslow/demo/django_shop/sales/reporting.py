from django.db.models import Count
from django.http import JsonResponse

from sales.models import Payment


def payment_methods(request):
    """Read from the replica, so that reports do not disturb the shop."""
    methods = Payment.objects.using("reporting").filter(pk__lte=2000).values("method")
    counted = methods.annotate(payments=Count("id")).order_by("method")
    return JsonResponse({"methods": list(counted)})


def recent_methods(request):
    methods = Payment.objects.filter(pk__lte=1000).values("method")
    counted = methods.annotate(payments=Count("id")).order_by("method")
    return JsonResponse({"methods": list(counted)})
