from rest_framework.pagination import PageNumberPagination


class ShortPages(PageNumberPagination):
    """For rows that bring many others along."""

    page_size = 20
