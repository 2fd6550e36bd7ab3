from django.db import models

from accounts.models import Country, Customer


class Supplier(models.Model):
    name = models.CharField(max_length=120)
    country = models.ForeignKey(Country, on_delete=models.PROTECT, related_name="suppliers")


class Category(models.Model):
    name = models.CharField(max_length=80)
    slug = models.SlugField(unique=True)
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="children")

    class Meta:
        ordering = ["name", "id"]


class Tag(models.Model):
    name = models.CharField(max_length=40, unique=True)

    class Meta:
        ordering = ["name"]


class Product(models.Model):
    sku = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField()
    price = models.DecimalField(max_digits=10, decimal_places=2)
    active = models.BooleanField(default=True)
    supplier = models.ForeignKey(Supplier, on_delete=models.PROTECT, related_name="products")
    categories = models.ManyToManyField(Category, related_name="products")
    tags = models.ManyToManyField(Tag, related_name="products")

    class Meta:
        ordering = ["id"]

    def __str__(self):
        return self.name

    @property
    def origin(self):
        return f"{self.supplier.name}, {self.supplier.country.name}"

    @property
    def rating(self):
        return self.reviews.aggregate(mean=models.Avg("rating"))["mean"]


class Inventory(models.Model):
    product = models.OneToOneField(Product, on_delete=models.CASCADE, related_name="inventory")
    warehouse = models.CharField(max_length=40)
    quantity = models.IntegerField()


class Review(models.Model):
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="reviews")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="reviews")
    rating = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=120)
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    @property
    def author(self):
        return f"{self.customer.name} of {self.customer.company.name}"


class StockMovement(models.Model):
    class Kind(models.TextChoices):
        PURCHASE = "purchase"
        SALE = "sale"
        RETURN = "return"
        CORRECTION = "correction"

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="movements")
    kind = models.CharField(max_length=12, choices=Kind)
    quantity = models.IntegerField()
    reference = models.CharField(max_length=20)
    happened_at = models.DateTimeField()
