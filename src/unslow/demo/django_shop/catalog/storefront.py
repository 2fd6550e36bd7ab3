from django.urls import include, path

from catalog import journal, visits
from sales import ledger, reporting, screens

urlpatterns = [
    path("visits/products/", visits.product_visits),
    path("visits/latest/", visits.latest_visits),
    path("journal/", journal.Journal.as_view()),
    path("journal/rows/", journal.journal_rows),
    path("reporting/methods/", reporting.payment_methods),
    path("reporting/methods/recent/", reporting.recent_methods),
    path("screens/turnover/", screens.turnover),
    path("screens/turnover/<int:pk>/", screens.supplier_turnover),
    path("screens/visited/", screens.visited),
    path("screens/visited/today/", screens.visited_today),
    path("products/<int:pk>/teaser/", screens.teaser),
    path("products/<int:pk>/teaser/short/", screens.short_teaser),
    path("ledger/book/", ledger.book),
    path("ledger/latest/", ledger.latest_page),
    path("", include("sales.letters")),
]
