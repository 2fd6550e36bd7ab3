from django.urls import path

from desk import views

urlpatterns = [
    path("tickets/", views.tickets),
    path("tickets/<int:pk>/", views.ticket),
    path("tickets/<int:pk>/comments/", views.Comments.as_view()),
    path("customers/<int:pk>/", views.customer),
    path("labels/", views.labels),
    path("feed/", views.feed),
    path("agents/", views.agents),
    path("history/<int:ticket_id>/", views.history),
]
