from django.urls import path

from market import views

urlpatterns = [
    path("shelves/<int:number>/", views.shelf),
    path("ranked/", views.ranked),
    path("listed/", views.listed),
    path("about/", views.about),
    path("products/<int:pk>/", views.product),
    path("products/<int:pk>/buy/", views.buy),
]
