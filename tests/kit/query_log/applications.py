"""A Django project in one file, with a list that loads its relations one by one."""

DJANGO = """
import io, json, logging, sys
from django.conf import settings

settings.configure(
    ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="s", LOGGING_CONFIG=None,
    MIDDLEWARE=["unslow.kit.django.Middleware"], INSTALLED_APPS=[],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES=DATABASES,
)
import django
django.setup()
from django.db import connection, models
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from unslow.kit import query_log

class Author(models.Model):
    name = models.TextField()
    class Meta:
        app_label = "books"

class Book(models.Model):
    title = models.TextField()
    author = models.ForeignKey(Author, models.CASCADE)
    class Meta:
        app_label = "books"

with connection.schema_editor() as editor:
    editor.create_model(Author)
    editor.create_model(Book)
for number in range(7):
    Book.objects.create(title=f"t{number}", author=Author.objects.create(name=f"secret-{number}"))

def books(request):
    found = Book.objects.order_by("title")
    return HttpResponse(", ".join(book.author.name for book in found))

def author(request, name):
    return HttpResponse(str(Author.objects.filter(name=name).count()))

def rename(request):
    Author.objects.filter(name="nobody").update(name="renamed")
    return HttpResponse("done")

def plain(request):
    return HttpResponse("no query")

urlpatterns = [path("books/", books), path("authors/<str:name>/", author),
    path("rename/", rename), path("plain/", plain)]

class Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []
    def emit(self, record):
        self.records.append(record)

def kept():
    handler = Kept()
    logging.getLogger("unslow.queries").addHandler(handler)
    return handler.records
"""

SQLITE = """
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file.db"}}
"""
