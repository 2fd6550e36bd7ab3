from urls import urlpatterns  # noqa: F401
