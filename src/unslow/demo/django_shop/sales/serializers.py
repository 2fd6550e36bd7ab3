from rest_framework import serializers

from accounts.models import Company, Country, Customer
from catalog.models import Product
from sales.models import Order, OrderItem, Payment


class CountrySerializer(serializers.ModelSerializer):
    class Meta:
        model = Country
        fields = ["code", "name"]


class CompanySerializer(serializers.ModelSerializer):
    country = CountrySerializer()

    class Meta:
        model = Company
        fields = ["id", "name", "country"]


class CustomerSerializer(serializers.ModelSerializer):
    company = CompanySerializer()

    class Meta:
        model = Customer
        fields = ["id", "name", "company"]


class ProductSerializer(serializers.ModelSerializer):
    class Meta:
        model = Product
        fields = ["sku", "name"]


class ItemSerializer(serializers.ModelSerializer):
    product = ProductSerializer()

    class Meta:
        model = OrderItem
        fields = ["product", "quantity", "unit_price"]


class PaymentSerializer(serializers.ModelSerializer):
    class Meta:
        model = Payment
        fields = ["amount", "method", "paid_at"]


class OrderSerializer(serializers.ModelSerializer):
    customer = CustomerSerializer()
    items = ItemSerializer(many=True)
    payments = PaymentSerializer(many=True)

    class Meta:
        model = Order
        fields = ["number", "status", "total", "customer", "items", "payments"]


class ShippedOrderSerializer(serializers.ModelSerializer):
    carrier = serializers.CharField(source="shipment.carrier")
    city = serializers.CharField(source="shipping_address.city")
    country = serializers.CharField(source="shipping_address.country.name")

    class Meta:
        model = Order
        fields = ["number", "carrier", "city", "country"]


class OrderStateSerializer(serializers.ModelSerializer):
    item_count = serializers.SerializerMethodField()
    is_paid = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = ["number", "status", "item_count", "is_paid"]

    def get_item_count(self, order):
        return order.items.count()

    def get_is_paid(self, order):
        return order.payments.exists()


class LineSerializer(serializers.Serializer):
    product = serializers.IntegerField()
    quantity = serializers.IntegerField(min_value=1)


class NewOrderSerializer(serializers.Serializer):
    customer = serializers.PrimaryKeyRelatedField(queryset=Customer.objects.all())
    items = LineSerializer(many=True)
