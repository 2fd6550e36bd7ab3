from django.urls import include, path
from rest_framework.routers import SimpleRouter

from catalog import upkeep, views

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
    path("suppliers/<int:pk>/stocktake/", upkeep.stocktake),
    path("suppliers/<int:pk>/stocktake/again/", upkeep.count_again),
    path("suppliers/<int:pk>/relocate/", upkeep.relocate),
    path("suppliers/<int:pk>/relocate/at-once/", upkeep.relocate_at_once),
    path("suppliers/<int:pk>/counts/", upkeep.forget_counts),
    path("suppliers/<int:pk>/prices/", upkeep.reduce_prices),
    path("suppliers/<int:pk>/top-up/", upkeep.top_up),
    path("", include("catalog.storefront")),
    path("api/", include(router.urls)),
]
