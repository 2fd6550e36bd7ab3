from django.urls import path

from catalog import journal, visits

urlpatterns = [
    path("visits/products/", visits.product_visits),
    path("visits/latest/", visits.latest_visits),
    path("journal/", journal.Journal.as_view()),
    path("journal/rows/", journal.journal_rows),
]
