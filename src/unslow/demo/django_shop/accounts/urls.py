from django.urls import path

from accounts import views

urlpatterns = [
    path("companies/", views.company_list),
    path("companies/<int:pk>/", views.company_detail),
    path("companies/directory/", views.company_directory),
    path("countries/", views.country_list),
    path("customers/", views.CustomerList.as_view()),
    path("customers/<int:pk>/", views.customer_detail),
    path("customers/<int:pk>/history/", views.customer_history),
    path("customers/addresses/", views.address_book),
    path("customers/labels/", views.customer_labels),
    path("customers/managed/", views.managed_customers),
    path("team/", views.team),
    path("activity/", views.activity),
]
