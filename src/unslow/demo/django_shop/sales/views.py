from django.db import transaction
from django.db.models import Prefetch
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.generic import ListView, TemplateView, View
from rest_framework import generics
from rest_framework.decorators import api_view
from rest_framework.response import Response

from catalog.models import Product
from sales import serializers
from sales.models import Order, OrderItem, Payment, Shipment
from shop.paging import ShortPages


class Dashboard(TemplateView):
    template_name = "dashboard.html"

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        pending = Order.objects.filter(status="pending")
        context["pending"] = pending.order_by("placed_at", "id")[:100]
        context["payments"] = Payment.objects.order_by("-paid_at", "-id")[:50]
        return context


def order_list(request):
    orders = Order.objects.all()
    if status := request.GET.get("status"):
        orders = orders.filter(status=status)
    rows = []
    for order in orders.order_by("-placed_at", "-id")[:100]:
        customer = order.customer
        rows.append(
            {
                "number": order.number,
                "customer": customer.name,
                "company": customer.company.name,
                "city": order.shipping_address.city,
                "total": order.total,
            }
        )
    return JsonResponse({"orders": rows})


def order_summary(request):
    page = int(request.GET.get("page", 1))
    items = Prefetch("items", OrderItem.objects.select_related("product"))
    orders = (
        Order.objects.select_related("customer__company")
        .prefetch_related(items)
        .order_by("number")[(page - 1) * 20 : page * 20]
    )
    rows = []
    for order in orders:
        names = [item.product.name for item in order.items.all()]
        rows.append({"number": order.number, "customer": order.customer.name, "names": names})
    return JsonResponse({"orders": rows})


class PackingList(ListView):
    queryset = Order.objects.exclude(status=Order.Status.CANCELLED).order_by("id")
    paginate_by = 20
    template_name = "packing.html"
    context_object_name = "orders"


def invoice(request, pk):
    order = get_object_or_404(Order, pk=pk)
    return render(request, "invoice.html", {"order": order})


def order_by_number(request, number):
    order = get_object_or_404(Order.objects.select_related("customer"), number=number)
    return JsonResponse(
        {"number": order.number, "customer": order.customer.name, "status": order.status}
    )


def payment_list(request):
    page = int(request.GET.get("page", 1))
    rows = []
    for payment in Payment.objects.order_by("id")[(page - 1) * 100 : page * 100]:
        order = Order.objects.get(pk=payment.order_id)
        rows.append({"order": order.number, "amount": payment.amount, "method": payment.method})
    return JsonResponse({"payments": rows})


def cheques(request):
    """The cheques to take to the bank, the oldest first."""
    payments = Payment.objects.filter(method="cheque").order_by("paid_at", "id")
    rows = [{"reference": payment.reference, "amount": payment.amount} for payment in payments[:50]]
    return JsonResponse({"cheques": rows})


def payment_by_reference(request, reference):
    payment = get_object_or_404(Payment, reference=reference)
    return JsonResponse(
        {"order": payment.order_id, "amount": payment.amount, "paid_at": payment.paid_at}
    )


class ShipmentList(View):
    def get(self, request):
        page = int(request.GET.get("page", 1))
        shipments = Shipment.objects.order_by("-id")[(page - 1) * 100 : page * 100]
        return JsonResponse({"shipments": [self.row(shipment) for shipment in shipments]})

    def row(self, shipment):
        return {
            "carrier": shipment.carrier,
            "customer": shipment.order.customer.name,
            "destination": shipment.destination,
        }


def track(request, tracking_number):
    shipment = Shipment.objects.filter(tracking_number=tracking_number).first()
    if shipment is None:
        return JsonResponse({"error": "unknown tracking number"}, status=404)
    return JsonResponse({"carrier": shipment.carrier, "shipped_at": shipment.shipped_at})


class OrderList(generics.ListAPIView):
    queryset = Order.objects.order_by("number")
    serializer_class = serializers.OrderSerializer
    pagination_class = ShortPages


class Checkout(generics.GenericAPIView):
    serializer_class = serializers.NewOrderSerializer

    @transaction.atomic
    def post(self, request):
        new = self.get_serializer(data=request.data)
        new.is_valid(raise_exception=True)
        customer, lines = new.validated_data["customer"], new.validated_data["items"]
        items = [order_item(line) for line in lines]
        order = Order.objects.create(
            number=f"WEB-{Order.objects.count() + 1}",
            customer=customer,
            shipping_address=customer.addresses.first(),
            total=sum(item.quantity * item.unit_price for item in items),
            placed_at=timezone.now(),
        )
        for item in items:
            item.order = order
        OrderItem.objects.bulk_create(items)
        return Response({"number": order.number, "total": order.total}, status=201)


def order_item(line):
    product = Product.objects.get(pk=line["product"])
    return OrderItem(product=product, quantity=line["quantity"], unit_price=product.price)


class OrderDetail(generics.RetrieveAPIView):
    queryset = Order.objects.select_related("customer__company__country").prefetch_related(
        "items__product", "payments"
    )
    serializer_class = serializers.OrderSerializer


@api_view(["POST"])
def cancel(request, pk):
    order = get_object_or_404(Order, pk=pk)
    order.status = Order.Status.CANCELLED
    order.save(update_fields=["status"])
    return Response({"number": order.number, "status": order.status})


class ShippedOrders(generics.ListAPIView):
    queryset = Order.objects.filter(shipment__isnull=False).order_by("id")
    serializer_class = serializers.ShippedOrderSerializer


class OrderStates(generics.ListAPIView):
    serializer_class = serializers.OrderStateSerializer

    def get_queryset(self):
        return Order.objects.order_by("id")
