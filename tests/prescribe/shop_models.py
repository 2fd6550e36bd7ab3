from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import CASCADE, ForeignKey


class Named(models.Model):
    name = models.CharField(max_length=40)

    class Meta:
        abstract = True

    def __str__(self):
        return self.name


class Company(Named):
    pass


class Customer(Named):
    company = ForeignKey(Company, CASCADE, null=True, related_name="customers")

    @property
    def paid(self):
        return self.orders.filter(status="paid").exists()


class Profile(Named):
    customer = models.OneToOneField(Customer, CASCADE, related_name="profile")


class Order(models.Model):
    status = models.CharField(max_length=10)
    total = models.IntegerField()
    customer = ForeignKey(Customer, CASCADE, related_name="orders")
    courier = ForeignKey(Company, CASCADE, null=True, related_name="deliveries")
    kind = ForeignKey(ContentType, CASCADE)
    object_id = models.IntegerField()
    target = GenericForeignKey("kind", "object_id")


class Tag(Named):
    pass


class Product(Named):
    tags = models.ManyToManyField(Tag, related_name="products")


class Item(models.Model):
    order = ForeignKey(Order, CASCADE, related_name="items")
    product = ForeignKey(Product, CASCADE, related_name="+")
    quantity = models.IntegerField()

    class Meta:
        ordering = ("id",)


class Note(Named):
    order = ForeignKey(Order, CASCADE)


class Price(models.Model):
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    weight = models.FloatField(default=0.1)
    pieces = models.IntegerField(default=1)
    changed_at = models.DateTimeField(auto_now=True)
