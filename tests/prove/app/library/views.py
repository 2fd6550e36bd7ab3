import time

from django.http import JsonResponse
from django.shortcuts import get_object_or_404

from library.models import Author, Book


def books(request):
    rows = [
        {
            "id": book.pk,
            "title": book.title,
            "author": book.author.name if book.author else None,
        }
        for book in Book.objects.order_by("pk")[:60]
    ]
    return JsonResponse({"books": rows, "served": time.time()})


def book(request, pk):
    found = get_object_or_404(Book, pk=pk)
    return JsonResponse({"id": found.pk, "title": found.title})


def rename(request, pk):
    found = get_object_or_404(Book, pk=pk)
    found.title = found.title + "!"
    found.save()
    return JsonResponse({"id": found.pk, "title": found.title})


def authors(request):
    return JsonResponse({"authors": list(Author.objects.order_by("pk").values("id", "name")[:5])})


def shelves(request):
    rows = []
    for author in Author.objects.order_by("pk")[:30]:
        rows.append({"author": author.name, "titles": [b.title for b in author.book_set.all()]})
    return JsonResponse({"shelves": rows})
