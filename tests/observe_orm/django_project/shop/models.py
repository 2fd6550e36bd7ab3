from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Company(models.Model):
    name = models.CharField(max_length=50)


class Customer(models.Model):
    name = models.CharField(max_length=50)
    company = models.ForeignKey(Company, models.CASCADE, related_name="customers")


class Profile(models.Model):
    customer = models.OneToOneField(Customer, models.CASCADE, related_name="profile")
    bio = models.TextField()


class Tag(models.Model):
    name = models.CharField(max_length=20)


class LoudQuerySet(models.QuerySet):
    def __init__(self, *args, volume=1, **kwargs):
        super().__init__(*args, **kwargs)
        self.volume = volume

    def _clone(self):
        clone = super()._clone()
        clone.volume = self.volume
        return clone

    def shouted(self):
        louder = self._chain()
        louder.volume += 1
        return louder


class Label(Tag):
    loud = LoudQuerySet.as_manager()

    class Meta:
        proxy = True


class OrderQuerySet(models.QuerySet):
    def open(self):
        return self.filter(status="open")

    def with_customer(self):
        return self.select_related("customer")


class ActiveManager(models.Manager):
    def get_queryset(self):
        return super().get_queryset().exclude(status="void")


class Order(models.Model):
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="orders")
    status = models.CharField(max_length=10, default="open")
    notes = models.TextField(default="")
    tags = models.ManyToManyField(Tag, related_name="orders")
    comments = GenericRelation("Comment")

    objects = OrderQuerySet.as_manager()
    active = ActiveManager()

    @property
    def company_name(self):
        return self.customer.company.name

    def item_names(self):
        return [item.product.name for item in self.items.all()]


class Product(models.Model):
    name = models.CharField(max_length=50)


class Item(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="items")
    product = models.ForeignKey(Product, models.CASCADE)
    quantity = models.IntegerField(default=1)


class Comment(models.Model):
    text = models.CharField(max_length=50)
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.PositiveIntegerField()
    target = GenericForeignKey()


class Ticket(models.Model):
    price = models.DecimalField(max_digits=8, decimal_places=2, default=0)
    opened_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    def save(self, *args, **kwargs):
        super().save(*args, **kwargs)


class SeasonTicket(Ticket):
    valid_until = models.DateField(null=True)


def tell(**kwargs):
    return None


models.signals.post_delete.connect(tell, sender=Ticket)
