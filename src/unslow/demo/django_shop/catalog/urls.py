from django.urls import include, path
from rest_framework.routers import SimpleRouter

from catalog import views

router = SimpleRouter()
router.register("suppliers", views.SupplierViewSet, basename="supplier")

urlpatterns = [
    path("api/products/", views.ProductList.as_view()),
    path("api/products/<int:pk>/", views.ProductDetail.as_view()),
    path("api/products/compact/", views.CompactProductList.as_view()),
    path("api/products/<int:pk>/compare/", views.compare),
    path("api/products/popular/", views.PopularProducts.as_view()),
    path("api/products/praised/", views.PraisedProducts.as_view()),
    path("api/products/prices/", views.price_list),
    path("api/products/search/", views.ProductSearch.as_view()),
    path("api/products/stock/", views.StockList.as_view()),
    path("api/categories/", views.category_tree),
    path("api/categories/featured/", views.featured_categories),
    path("api/reviews/", views.ReviewCreate.as_view()),
    path("reviews/", views.review_wall),
    path("api/reviews/latest/", views.LatestReviews.as_view()),
    path("api/movements/<str:reference>/", views.MovementsByReference.as_view()),
    path("api/movements/kind/<str:kind>/", views.LatestMovements.as_view()),
    path("", include("catalog.storefront")),
    path("api/", include(router.urls)),
]
