from django.http import JsonResponse
from django.shortcuts import get_object_or_404

from accounts.models import Country
from sales.models import Shipment


def find_shipment(request, tracking_number):
    """What a customer typed, in whatever case."""
    shipment = get_object_or_404(Shipment, tracking_number__iexact=tracking_number)
    return JsonResponse({"carrier": shipment.carrier, "shipped_at": shipment.shipped_at})


def find_country(request, code):
    country = get_object_or_404(Country, code__iexact=code)
    return JsonResponse({"name": country.name})
