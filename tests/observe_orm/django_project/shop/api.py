# ruff: noqa: RUF012 (Meta and migrations, as everyone writes them)
from django.shortcuts import get_object_or_404
from rest_framework import serializers, viewsets
from rest_framework.decorators import action, api_view, permission_classes
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.generics import (
    CreateAPIView,
    GenericAPIView,
    ListAPIView,
    ListCreateAPIView,
)
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from shop.models import Customer, Item, Order, Product, Tag


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


class FilteredList(ListAPIView):
    queryset = Order.objects.order_by("id")
    serializer_class = FlatSerializer

    def filter_queryset(self, queryset):
        return queryset.filter(status="open")


class FlatList(ListAPIView):
    queryset = Order.objects.all()
    serializer_class = FlatSerializer

    def get_queryset(self):
        return super().get_queryset().filter(status="open")


class ItemWriter(serializers.ModelSerializer):
    class Meta:
        model = Item
        fields = ["order", "product", "quantity"]


class ItemPages(PageNumberPagination):
    page_size = 2


class ItemList(ListCreateAPIView):
    queryset = Item.objects.order_by("id")
    serializer_class = ItemWriter
    pagination_class = ItemPages
    permission_classes = [IsAuthenticated]
    filter_backends = [SearchFilter, OrderingFilter]
    search_fields = ["product__name"]
    ordering_fields = ["quantity"]


@api_view(["POST"])
@permission_classes([IsAuthenticated])
def close(request, number):
    order = get_object_or_404(Order, pk=number)
    order.status = "closed"
    order.save(update_fields=["status"])
    return Response({"status": order.status})


class TagSerializer(serializers.ModelSerializer):
    class Meta:
        model = Tag
        fields = ["name"]


class TagListSerializer(serializers.ListSerializer):
    child = TagSerializer()


class TagUpload(CreateAPIView):
    queryset = Tag.objects.all()
    serializer_class = TagListSerializer


class Tagging(GenericAPIView):
    """Says nowhere but in its code which rows it is about."""

    def post(self, request, pk):
        tag = Tag.objects.create(name=request.data["name"])
        get_object_or_404(Order.objects.select_related("customer"), pk=pk).tags.add(tag)
        return Response(status=204)
