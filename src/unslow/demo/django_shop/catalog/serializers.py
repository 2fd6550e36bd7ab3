from rest_framework import serializers

from accounts.models import Country
from catalog.models import Category, Product, Review, StockMovement, Supplier


class CountrySerializer(serializers.ModelSerializer):
    class Meta:
        model = Country
        fields = ["code", "name"]


class SupplierSerializer(serializers.ModelSerializer):
    country = CountrySerializer()

    class Meta:
        model = Supplier
        fields = ["id", "name", "country"]


class CategorySerializer(serializers.ModelSerializer):
    class Meta:
        model = Category
        fields = ["slug", "name"]


class ProductSerializer(serializers.ModelSerializer):
    supplier = SupplierSerializer()
    categories = CategorySerializer(many=True)
    tags = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)

    class Meta:
        model = Product
        fields = ["id", "sku", "name", "price", "supplier", "categories", "tags"]


class ReviewSerializer(serializers.ModelSerializer):
    author = serializers.CharField(source="customer.name")
    company = serializers.CharField(source="customer.company.name")
    country = serializers.CharField(source="customer.company.country.name")

    class Meta:
        model = Review
        fields = ["rating", "title", "author", "company", "country"]


class ProductDetailSerializer(serializers.ModelSerializer):
    reviews = ReviewSerializer(many=True)

    class Meta:
        model = Product
        fields = ["id", "sku", "name", "price", "description", "reviews"]


class StockSerializer(serializers.ModelSerializer):
    quantity = serializers.IntegerField(source="inventory.quantity")
    warehouse = serializers.CharField(source="inventory.warehouse")
    origin = serializers.CharField()

    class Meta:
        model = Product
        fields = ["sku", "name", "origin", "quantity", "warehouse"]


class PopularitySerializer(serializers.ModelSerializer):
    reviews = serializers.SerializerMethodField()
    sold = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = ["sku", "name", "reviews", "sold"]

    def get_reviews(self, product):
        return product.reviews.count()

    def get_sold(self, product):
        return product.order_items.exists()


class PraiseSerializer(serializers.ModelSerializer):
    praise = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = ["sku", "name", "praise"]

    def get_praise(self, product):
        return [review.title for review in product.reviews.filter(rating=5)]


class AssortmentSerializer(serializers.ModelSerializer):
    country = serializers.CharField(source="country.name")
    products = serializers.SlugRelatedField(slug_field="sku", many=True, read_only=True)

    class Meta:
        model = Supplier
        fields = ["id", "name", "country", "products"]


class CompactProductSerializer(serializers.ModelSerializer):
    supplier = serializers.CharField(source="supplier.name")
    tags = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)
    in_stock = serializers.IntegerField(source="inventory.quantity")

    class Meta:
        model = Product
        fields = ["sku", "name", "supplier", "tags", "in_stock"]


class LatestReviewSerializer(serializers.ModelSerializer):
    product = serializers.CharField(source="product.name")

    class Meta:
        model = Review
        fields = ["id", "product", "rating", "title", "created_at"]


class NewReviewSerializer(serializers.ModelSerializer):
    class Meta:
        model = Review
        fields = ["product", "customer", "rating", "title", "body"]


class MovementSerializer(serializers.ModelSerializer):
    class Meta:
        model = StockMovement
        fields = ["id", "product_id", "kind", "quantity", "reference", "happened_at"]
