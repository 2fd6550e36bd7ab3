from collections import defaultdict
from decimal import Decimal
from statistics import median
from uuid import uuid4

from django.core.mail import send_mail
from django.http import JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.timezone import now
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response

from desk.models import Agent, Comment, Customer, Event, Label, Ticket

PAGE = 60


def tickets(request):
    """The open tickets, those due first at the top."""
    rows = Ticket.objects.filter(state="open").select_related("assignee")
    page = rows.order_by("due_on", "pk")[:PAGE]
    return JsonResponse({"tickets": [summary(ticket) for ticket in page]})


def summary(ticket):
    return {
        "id": ticket.pk,
        "title": ticket.title,
        "due_on": ticket.due_on,
        "customer": ticket.customer.name,
        "assignee": ticket.assignee.name if ticket.assignee else None,
    }


def ticket(request, pk):
    """One ticket with its conversation."""
    found = Ticket.objects.select_related("customer").filter(pk=pk).first()
    if found is None:
        return JsonResponse({"error": "no such ticket"}, status=404)
    comments = found.comments.select_related("author").order_by("written_at", "pk")
    return JsonResponse(
        {
            "id": found.pk,
            "title": found.title,
            "state": found.state,
            "customer": found.customer.name,
            "comments": [
                {"text": one.text, "by": one.author.name if one.author else None}
                for one in comments
            ],
        }
    )


def customer(request, pk):
    """A customer with what was used in all."""
    found = get_object_or_404(Customer, pk=pk)
    used = sum((usage.amount for usage in found.usages.all()), Decimal())
    return JsonResponse(
        {
            "id": found.pk,
            "name": found.nickname or found.name,
            "open_tickets": found.tickets.filter(state="open").count(),
            "used": f"{used:.4f}",
        }
    )


def labels(request):
    """How many open tickets carry each label."""
    found = [
        {"name": label.name, "open": label.tickets.filter(state="open").count()}
        for label in Label.objects.all()
    ]
    return JsonResponse({"labels": found})


def feed(request):
    """The newest comments; every line has a key of its own for the client."""
    newest = Comment.objects.order_by("-written_at", "-pk")[:40]
    lines = [
        {
            "key": uuid4().hex,
            "ticket": comment.ticket.title,
            "by": comment.author.name if comment.author else None,
            "text": comment.text,
        }
        for comment in newest
    ]
    return JsonResponse({"served_at": now().isoformat(), "id": str(uuid4()), "lines": lines})


def agents(request):
    """How many open tickets each agent has, and how long they may take."""
    days = defaultdict(list)
    for ticket in Ticket.objects.filter(state="open", assignee__isnull=False).order_by("pk"):
        days[ticket.assignee_id].append((ticket.due_on - ticket.opened_on).days)
    found = [
        {"name": agent.name, "open": len(days[agent.pk]), "days": median(days[agent.pk] or [0])}
        for agent in Agent.objects.order_by("name", "pk")
    ]
    return JsonResponse({"agents": found})


def history(request, ticket_id):
    """All that happened to a ticket."""
    events = Event.objects.filter(ticket_number=ticket_id).order_by("happened_at", "pk")
    return JsonResponse({"events": [{"at": e.happened_at, "kind": e.kind} for e in events]})


class CommentSerializer(serializers.Serializer):
    text = serializers.CharField(max_length=500)


class Comments(GenericAPIView):
    """A customer's answer: it is kept, logged and confirmed by mail."""

    serializer_class = CommentSerializer

    def post(self, request, pk):
        ticket = get_object_or_404(Ticket.objects.select_related("customer"), pk=pk)
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        comment = ticket.comments.create(text=given.validated_data["text"], written_at=now())
        Event.objects.create(ticket_number=ticket.pk, kind="comment", happened_at=now())
        send_mail(
            f"Re: {ticket.title}",
            "Thank you, we have your answer.",
            "desk@example.com",
            [ticket.customer.email],
        )
        return Response({"id": comment.pk, "state": ticket.state}, status=201)
