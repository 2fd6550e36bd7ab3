from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from rest_framework.routers import DefaultRouter

from shop import api, views

router = DefaultRouter()
router.register("orders", api.OrderViewSet)

urlpatterns = [
    path("api/", include(router.urls)),
    path("api/items/", api.ItemList.as_view()),
    path("admin/", admin.site.urls),
    path("api/tags/", api.TagUpload.as_view()),
    path("api/tagging/<int:pk>/", api.Tagging.as_view()),
    path("favicon.ico", RedirectView.as_view(url="/static/favicon.ico")),
    path("api/closing/<int:number>/", api.close),
    path("account/", views.account),
    path("profile/<int:customer_id>/", views.ProfileDetail.as_view()),
    re_path(r"^legacy/(?P<code>\d+)/$", views.legacy),
    path("filtered/", api.FilteredList.as_view()),
    path("flat/", api.FlatList.as_view()),
    path("listed/", views.OrderListing.as_view()),
    path("overridden/", views.OverriddenListing.as_view()),
    path("detail/<int:pk>/", views.detail),
    path("<slug:name>/", views.dispatch),
    path("async/<slug:name>/", views.dispatch_async),
]
