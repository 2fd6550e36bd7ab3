# ruff: noqa: RUF012 (Meta and migrations, as everyone writes them)
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.generics import ListAPIView
from rest_framework.response import Response

from shop.models import Customer, Item, Order, Product


class ProductSerializer(serializers.ModelSerializer):
    class Meta:
        model = Product
        fields = ["name"]


class ItemSerializer(serializers.ModelSerializer):
    product = ProductSerializer()

    class Meta:
        model = Item
        fields = ["quantity", "product"]


class CustomerSerializer(serializers.ModelSerializer):
    company = serializers.CharField(source="company.name")

    class Meta:
        model = Customer
        fields = ["name", "company"]


class OrderSerializer(serializers.ModelSerializer):
    customer = CustomerSerializer()
    items = ItemSerializer(many=True)
    tags = serializers.PrimaryKeyRelatedField(many=True, read_only=True)
    total = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = ["id", "customer", "items", "tags", "total"]

    def get_total(self, order):
        return order.comments.count()


class OrderViewSet(viewsets.ModelViewSet):
    queryset = Order.objects.order_by("id")
    serializer_class = OrderSerializer

    @action(detail=True, methods=["post"], url_path="void")
    def void(self, request, pk=None):
        order = self.get_object()
        order.status = "void"
        order.save(update_fields=["status"])
        return Response({"status": order.status})


class FlatSerializer(serializers.ModelSerializer):
    company_name = serializers.CharField(source="customer.company.name")

    class Meta:
        model = Order
        fields = ["id", "company_name"]


class FlatList(ListAPIView):
    queryset = Order.objects.all()
    serializer_class = FlatSerializer

    def get_queryset(self):
        return super().get_queryset().filter(status="open")
