from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=100)

    class Meta:
        db_table = "author"


class Book(models.Model):
    title = models.CharField(max_length=100)
    author = models.ForeignKey(Author, models.CASCADE, null=True)
    shelved_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "book"
        ordering = ("pk",)
