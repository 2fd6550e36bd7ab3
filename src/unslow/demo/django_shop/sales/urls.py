from django.urls import path

from sales import figures, reports, views

urlpatterns = [
    path("dashboard/", views.Dashboard.as_view()),
    path("orders/", views.order_list),
    path("orders/summary/", views.order_summary),
    path("orders/packing/", views.PackingList.as_view()),
    path("orders/<int:pk>/invoice/", views.invoice),
    path("orders/<str:number>/", views.order_by_number),
    path("payments/", views.payment_list),
    path("payments/cheques/", views.cheques),
    path("payments/<str:reference>/", views.payment_by_reference),
    path("shipments/", views.ShipmentList.as_view()),
    path("shipments/<str:tracking_number>/", views.track),
    path("api/orders/", views.OrderList.as_view()),
    path("api/orders/checkout/", views.Checkout.as_view()),
    path("api/orders/<int:pk>/", views.OrderDetail.as_view()),
    path("api/orders/<int:pk>/cancel/", views.cancel),
    path("api/orders/shipped/", views.ShippedOrders.as_view()),
    path("api/orders/state/", views.OrderStates.as_view()),
    path("reports/export/", reports.export),
    path("reports/companies/", reports.companies),
    path("reports/bestsellers/", reports.bestsellers),
    path("reports/bestsellers/fast/", reports.bestsellers_in_one_query),
    path("reports/day/", reports.day),
    path("reports/statuses/", reports.statuses),
    path("companies/<int:pk>/revenue/", figures.company_revenue),
    path("figures/stock/", figures.stock),
    path("figures/stock/fast/", figures.stock_in_the_database),
]
