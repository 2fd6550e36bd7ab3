from django.urls import path

from library import views

urlpatterns = [
    path("books/", views.books),
    path("books/<int:pk>/", views.book),
    path("books/<int:pk>/rename/", views.rename),
    path("authors/", views.authors),
    path("shelves/", views.shelves),
]
