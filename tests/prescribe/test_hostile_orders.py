"""The patches of one file in any number and order give one file, and twice is once."""

import ast
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.prescribe.writes import MODELS, advice
from unslow.lab.patching import apply
from unslow.lab.prescribe import (
    django_bulk_create,
    django_bulk_update,
    django_delete,
    django_update,
)
from unslow.model import Patch

SOURCE = '''"""Views."""

from shop.models import Customer, Order


def create(rows):
    for n in rows:
        «Order.objects.create(number=n)»


def update(rows):
    for o in Order.objects.filter(status="open"):
        o.status = "paid"
        «o.save()»


def rename(rows, data):
    for o in Order.objects.all():
        o.number = data[o.id]
        «o.save()»


def raise_(rows):
    for o in Order.objects.all():
        o.quantity += 1
        «o.save()»


def delete(rows):
    for o in Order.objects.filter(status="old"):
        «o.delete()»


def create_again(rows):
    for n in rows:
        if n:
            «Order.objects.create(number=n)»
'''
FIXERS = (
    (django_bulk_create, "insert"),
    (django_update, "update"),
    (django_bulk_update, "update"),
    (django_update, "update"),
    (django_delete, "delete"),
    (django_bulk_create, "insert"),
)


@pytest.fixture
def patches(bench):
    bench.write(SOURCE)
    sites, found = list(bench.sites), []
    for site, (fixer, operation) in zip(sites, FIXERS, strict=True):
        bench.sites = [site]
        (patch,) = advice(bench, fixer, operation, models=MODELS)
        assert isinstance(patch, Patch)
        found.append(patch)
    return found


def text(patches, bench):
    return {path: new.decode() for path, new in apply(patches, bench.source.read).items()}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_order_gives_the_same_file(data, patches, bench):
    chosen = data.draw(st.lists(st.sampled_from(range(len(FIXERS))), min_size=1))
    once = [patches[n] for n in sorted(set(chosen))]
    result = text([patches[n] for n in chosen], bench)
    assert result == text(once, bench) == text([*once, *once], bench)
    for content in result.values():
        ast.parse(content)


def test_all_pairs_give_the_same_file(patches, bench):
    for one, other in permutations(patches, 2):
        assert text([one, other], bench) == text([other, one], bench)
