from django.urls import path

from catalog import journal, visits
from sales import reporting

urlpatterns = [
    path("visits/products/", visits.product_visits),
    path("visits/latest/", visits.latest_visits),
    path("journal/", journal.Journal.as_view()),
    path("journal/rows/", journal.journal_rows),
    path("reporting/methods/", reporting.payment_methods),
    path("reporting/methods/recent/", reporting.recent_methods),
]
