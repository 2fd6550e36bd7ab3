from django.db import models


class Customer(models.Model):
    name = models.CharField(max_length=80)
    nickname = models.CharField(max_length=40, null=True)
    email = models.EmailField()


class Agent(models.Model):
    name = models.CharField(max_length=80)


class Label(models.Model):
    name = models.CharField(max_length=40)


class Ticket(models.Model):
    title = models.CharField(max_length=120)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="tickets")
    assignee = models.ForeignKey(Agent, models.SET_NULL, null=True, related_name="tickets")
    labels = models.ManyToManyField(Label, related_name="tickets")
    state = models.CharField(max_length=10, default="open")
    opened_on = models.DateField()
    due_on = models.DateField()


class Comment(models.Model):
    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="comments")
    author = models.ForeignKey(Agent, models.SET_NULL, null=True)
    text = models.TextField()
    written_at = models.DateTimeField()


class Usage(models.Model):
    """What a customer is billed for, to the hundredth of a cent."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="usages")
    amount = models.DecimalField(max_digits=12, decimal_places=4)


class Event(models.Model):
    """The log of what happened; it outlives the tickets that it tells of."""

    ticket_number = models.BigIntegerField()
    kind = models.CharField(max_length=20)
    happened_at = models.DateTimeField()
