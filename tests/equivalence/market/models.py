from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=100)
    shelf = models.IntegerField()
    price = models.IntegerField()

    class Meta:
        db_table = "product"


class Order(models.Model):
    product = models.ForeignKey(Product, models.CASCADE)
    state = models.CharField(max_length=20)
    customer = models.CharField(max_length=100)

    class Meta:
        db_table = "order"
