from django.urls import include, path

from shop.views import health

urlpatterns = [
    path("health/", health),
    path("", include("accounts.urls")),
    path("", include("catalog.urls")),
    path("", include("sales.urls")),
    path("", include("sales.shares")),
    path("", include("sales.rates")),
    path("", include("sales.receipts")),
]
