from django.http import JsonResponse
from django.utils import timezone
from rest_framework import generics, viewsets
from rest_framework.decorators import action
from rest_framework.response import Response

from catalog import serializers
from catalog.models import Category, Product, Review, StockMovement, Supplier
from shop.paging import ShortPages

FEATURED = ["garden", "kitchen", "office"]


class ProductList(generics.ListAPIView):
    queryset = Product.objects.order_by("name", "id")
    serializer_class = serializers.ProductSerializer
    pagination_class = ShortPages


class ProductDetail(generics.RetrieveAPIView):
    queryset = Product.objects.all()
    serializer_class = serializers.ProductDetailSerializer


class CompactProductList(generics.ListAPIView):
    queryset = (
        Product.objects.select_related("supplier", "inventory")
        .prefetch_related("tags")
        .order_by("sku")
    )
    serializer_class = serializers.CompactProductSerializer
    pagination_class = ShortPages


def compare(request, pk):
    """A product next to its neighbour in the catalogue, the first one to the second."""
    left = Product.objects.select_related("supplier").get(pk=pk)
    right = Product.objects.select_related("supplier").get(pk=max(pk - 1, 2))
    return JsonResponse(
        {
            "names": [left.name, right.name],
            "prices": [left.price, right.price],
            "suppliers": [left.supplier.name, right.supplier.name],
        }
    )


class PopularProducts(generics.ListAPIView):
    queryset = Product.objects.filter(active=True).order_by("sku")
    serializer_class = serializers.PopularitySerializer


class PraisedProducts(generics.ListAPIView):
    queryset = Product.objects.order_by("-sku")
    serializer_class = serializers.PraiseSerializer


def price_list(request):
    """All prices, read in chunks so that the memory stays bounded."""
    ids = list(Product.objects.order_by("id").values_list("id", flat=True)[:500])
    prices = {}
    for start in range(0, len(ids), 100):
        chunk = Product.objects.filter(id__in=ids[start : start + 100])
        prices.update(chunk.order_by("id").values_list("sku", "price"))
    return JsonResponse(prices)


class ProductSearch(generics.ListAPIView):
    serializer_class = serializers.ProductSerializer
    pagination_class = ShortPages

    def get_queryset(self):
        products = Product.objects.filter(active=True)
        if text := self.request.GET.get("q"):
            products = products.filter(name__icontains=text)
        return products.order_by("price", "id")


class StockList(generics.ListAPIView):
    serializer_class = serializers.StockSerializer

    def get_queryset(self):
        return Product.objects.filter(active=True).order_by("id")


def category_tree(request):
    roots = Category.objects.filter(parent__isnull=True)
    return JsonResponse({"categories": [branch(category) for category in roots]})


def branch(category):
    return {
        "slug": category.slug,
        "name": category.name,
        "children": [branch(child) for child in category.children.all()],
    }


def featured_categories(request):
    featured = []
    for slug in FEATURED:
        category = Category.objects.get(slug=slug)
        featured.append({"slug": slug, "name": category.name})
    return JsonResponse({"featured": featured})


class SupplierViewSet(viewsets.ReadOnlyModelViewSet):
    queryset = Supplier.objects.order_by("name", "id")
    serializer_class = serializers.AssortmentSerializer
    pagination_class = ShortPages

    @action(detail=True, methods=["post"])
    def restock(self, request, pk):
        """Order what runs low, and tell how much of each product is on its way."""
        supplier = self.get_object()
        movements = []
        for product in supplier.products.filter(active=True):
            missing = 100 - product.inventory.quantity
            if missing > 0:
                movements.append(purchase(product, missing))
        StockMovement.objects.bulk_create(movements)
        return Response({movement.product.sku: movement.quantity for movement in movements})


def purchase(product, quantity):
    return StockMovement(
        product=product,
        kind=StockMovement.Kind.PURCHASE,
        quantity=quantity,
        reference=f"RESTOCK-{product.supplier_id}",
        happened_at=timezone.now(),
    )


class ReviewCreate(generics.CreateAPIView):
    queryset = Review.objects.all()
    serializer_class = serializers.NewReviewSerializer


def review_wall(request):
    page = int(request.GET.get("page", 1))
    reviews = Review.objects.filter(rating__gte=3).order_by("id")
    wall = []
    for review in reviews[(page - 1) * 100 : page * 100]:
        wall.append(f"{review.rating} of 5 for {review.product.origin}, by {review.author}")
    return JsonResponse({"reviews": wall})


class LatestReviews(generics.ListAPIView):
    queryset = Review.objects.select_related("product").order_by("-created_at", "-id")
    serializer_class = serializers.LatestReviewSerializer


class MovementsByReference(generics.ListAPIView):
    serializer_class = serializers.MovementSerializer

    def get_queryset(self):
        reference = self.kwargs["reference"]
        return StockMovement.objects.filter(reference=reference).order_by("id")


class LatestMovements(generics.ListAPIView):
    serializer_class = serializers.MovementSerializer
    pagination_class = None

    def get_queryset(self):
        movements = StockMovement.objects.filter(kind=self.kwargs["kind"])
        return movements.order_by("-happened_at", "-id")[:50]
