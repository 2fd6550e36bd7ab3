"""Runs in the Django shop's folder: sends the calls on stdin, prints their status and queries."""

import json
import os
import sys

import django
from django.contrib.admindocs.views import simplify_regex
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

sys.path.insert(0, os.getcwd())
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
django.setup()
client = Client(raise_request_exception=False)
answers = {}
for endpoint, method, path, body in json.load(sys.stdin):
    with CaptureQueriesContext(connection) as queries:
        response = client.generic(method, path, body, content_type="application/json")
    route = response.resolver_match.route if response.resolver_match else ""
    if "(?P<" in route or "$" in route:  # DRF's routers still write regular expressions
        route = simplify_regex(route).lstrip("/")
    answers[endpoint] = (response.status_code, len(queries), f"{method} {route}")
json.dump(answers, sys.stdout)
