"""Letters to customers, written in Jinja."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from jinja2 import Template

from accounts.models import Customer

WELCOME = """\
Dear {{ customer.name }},

{% if customer.account_manager_id %}your manager will call you{% else %}please call us{% endif %}.
{% for offer in ["a chair", "a table", "a lamp"] %}
{{ loop.index }}. {{ offer | capitalize }} is yours for {{ 100 // loop.index }} euros.
{%- endfor %}

{{ shop | upper }}
"""


def welcome(request, pk):
    customer = get_object_or_404(Customer, pk=pk)
    letter = Template(WELCOME)
    return HttpResponse(letter.render(customer=customer, shop="The shop"))


REMINDER = Template("Dear {{ customer.name }},\n\n{{ shop | upper }} misses you.\n")


def reminder(request, pk):
    customer = get_object_or_404(Customer, pk=pk)
    return HttpResponse(REMINDER.render(customer=customer, shop="The shop"))


urlpatterns = [
    path("letters/<int:pk>/welcome/", welcome),
    path("letters/<int:pk>/reminder/", reminder),
]
