"""Fill pretix's tables, the same rows for the same number of orders: `populate.py ORDERS`."""

import random
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib import auth  # noqa: E402
from django.contrib.sessions.backends.cached_db import SessionStore  # noqa: E402
from django.db import transaction  # noqa: E402
from django_scopes import scopes_disabled  # noqa: E402
from pretix.base import models  # noqa: E402
from pretix.base.models.organizer import TeamAPIToken  # noqa: E402

TOKEN = "k" * 64
SESSION = "s" * 32
PRICE, RATE, TAX = Decimal("23.00"), Decimal("19.00"), Decimal("3.67")
NOW = datetime.now(UTC).replace(microsecond=0)
MONTH = timedelta(days=30)
PLUGINS = "pretix.plugins.banktransfer,pretix.plugins.ticketoutputpdf"


@transaction.atomic
def populate(orders: int) -> None:
    chance = random.Random(orders)
    organizer = models.Organizer.objects.create(name="Organizer", slug="org")
    person = user(organizer)
    customers = people(organizer)
    kind = organizer.meta_properties.create(name="Kind", default="concert")
    scanners: list[models.Device] = []
    for number in range(2):
        event = new_event(organizer, number)
        event.meta_values.create(property=kind, value="talk")
        items = catalogue(event, chance)
        admission(event, organizer, items, chance)
        scanners = scanners or devices(organizer)
        sell(event, items, customers, scanners, chance, orders)
        for order in event.orders.all():
            logged(order, person)
    series(organizer, kind)
    cards(organizer, customers)
    for device in scanners:
        device.limit_events.add(*organizer.events.all())


def user(organizer: models.Organizer) -> models.User:
    person = models.User.objects.create_user("admin@example.com", "unused")
    everything = {
        field.name: True
        for field in models.Team._meta.get_fields()
        if field.name.startswith("can_") or field.name == "all_events"
    }
    team = models.Team.objects.create(organizer=organizer, name="Everyone", **everything)
    team.members.add(person)
    for number in range(8):
        team.members.add(models.User.objects.create_user(f"user{number}@example.com", "unused"))
    TeamAPIToken.objects.create(team=team, name="audit", token=TOKEN)
    for number in range(8):
        small = models.Team.objects.create(organizer=organizer, name=f"Team {number}")
        small.members.add(person)
    log_in(person)
    return person


def logged(order: models.Order, person: models.User) -> None:
    """An entry of the log without the tasks that follow one."""
    models.LogEntry.objects.create(
        content_object=order,
        event=order.event,
        organizer=order.event.organizer,
        user=person,
        action_type="pretix.event.order.placed",
        data="{}",
    )


def log_in(person: models.User) -> None:
    """A session under a known key, for the pages."""
    session = SessionStore()
    session[auth.SESSION_KEY] = str(person.pk)
    session[auth.BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[auth.HASH_SESSION_KEY] = person.get_session_auth_hash()
    session["pretix_auth_long_session"] = True
    session["pretix_auth_login_time"] = int(time.time())
    session._session_key = SESSION
    session.save(must_create=True)


def people(organizer: models.Organizer) -> list[models.Customer]:
    kind = organizer.membership_types.create(name="Member")
    customers = []
    for number in range(20):
        customer = organizer.customers.create(
            identifier=f"C{number:04}",
            email=f"customer{number}@example.com",
            name_parts={"_scheme": "full", "full_name": f"Customer {number}"},
        )
        customer.memberships.create(
            membership_type=kind, date_start=NOW, date_end=NOW + MONTH, attendee_name_parts={}
        )
        customers.append(customer)
    return customers


def new_event(
    organizer: models.Organizer, number: int, *, has_subevents: bool = False
) -> models.Event:
    event = models.Event.objects.create(
        organizer=organizer,
        name=f"Event {number}",
        slug=f"ev{number}",
        date_from=NOW + MONTH,
        live=True,
        plugins=PLUGINS,
        currency="EUR",
        has_subevents=has_subevents,
    )
    event.set_defaults()
    return event


Item = tuple[models.Item, list[models.ItemVariation]]


def catalogue(event: models.Event, chance: random.Random) -> list[Item]:
    tax = event.tax_rules.create(name="VAT", rate=RATE)
    categories = [event.categories.create(name=f"Category {n}", position=n) for n in range(4)]
    items = []
    for number in range(14):
        item = event.items.create(
            name=f"Item {number}",
            default_price=PRICE,
            tax_rule=tax,
            category=chance.choice(categories),
            admission=True,
            position=number,
        )
        values = [item.variations.create(value=f"Size {n}", position=n) for n in range(3)]
        items.append((item, values))
    for number in range(12):
        quota = event.quotas.create(name=f"Quota {number}", size=500)
        for item, values in chance.sample(items, 3):
            quota.items.add(item)
            quota.variations.add(*values)
    for number in range(6):
        discount = event.discounts.create(
            internal_name=f"Discount {number}",
            condition_min_count=3,
            benefit_discount_matching_percent=Decimal("10"),
            position=number,
        )
        discount.condition_limit_products.add(items[number][0])
    for number in range(40):
        event.vouchers.create(
            code=f"VOUCHER{number:04}", item=chance.choice(items)[0], valid_until=NOW + MONTH
        )
    for item, values in items[:8]:
        for number in range(3):
            event.waitinglistentries.create(
                item=item, variation=values[0], email=f"waiting{number}@example.com"
            )
    return items


def admission(
    event: models.Event, organizer: models.Organizer, items: list[Item], chance: random.Random
) -> None:
    products = [item for item, _ in items]
    for number in range(8):
        question = event.questions.create(
            question=f"Question {number}", type="C" if number % 2 else "S", position=number
        )
        question.items.add(*products)
        if number % 2:
            for choice in range(3):
                question.options.create(answer=f"Answer {choice}", position=choice)
    for number in range(6):
        chosen = event.checkin_lists.create(name=f"Gate {number}", all_products=number == 0)
        chosen.limit_products.add(*chance.sample(products, 3))


def sell(
    event: models.Event,
    items: list[Item],
    customers: list[models.Customer],
    scanners: list[models.Device],
    chance: random.Random,
    orders: int,
) -> None:
    channel = event.organizer.sales_channels.get(identifier="web")
    questions = list(event.questions.order_by("position"))
    gates = list(event.checkin_lists.all())
    for number in range(orders):
        order = models.Order.objects.create(
            event=event,
            code=f"O{event.slug[2:]}{number:04}",
            email=f"buyer{number}@example.com",
            status=chance.choice("nppp"),
            datetime=NOW - timedelta(minutes=number),
            expires=NOW + MONTH,
            total=2 * PRICE,
            locale="en",
            sales_channel=channel,
            customer=chance.choice(customers),
        )
        for place in range(2):
            item, values = chance.choice(items)
            position = models.OrderPosition.objects.create(
                order=order,
                item=item,
                variation=chance.choice(values),
                price=PRICE,
                positionid=place + 1,
                attendee_name_parts={"_scheme": "full", "full_name": f"Guest {number}"},
                tax_rule=item.tax_rule,
                tax_rate=RATE,
                tax_value=TAX,
                secret=f"secret-{event.slug}-{number}-{place}",
            )
            position.answers.create(question=questions[0], answer="hello")
            chosen = position.answers.create(question=questions[1], answer="Answer 0")
            chosen.options.add(questions[1].options.first())
            if number % 3 == 0:
                position.all_checkins.create(
                    list=chance.choice(gates), datetime=NOW, device=chance.choice(scanners)
                )
        state = "confirmed" if order.status == "p" else "created"
        order.payments.create(provider="manual", amount=2 * PRICE, state=state)
        if number % 4 == 0:
            order.fees.create(
                fee_type="payment", value=Decimal(1), tax_rate=Decimal(0), tax_value=Decimal(0)
            )
        if number % 5 == 0:
            order.refunds.create(provider="manual", amount=Decimal(1), state="done", source="admin")
        if number % 3 == 0:
            bill(event, order)
        order.create_transactions()


def bill(event: models.Event, order: models.Order) -> None:
    invoice = models.Invoice.objects.create(
        event=event, organizer=event.organizer, order=order, date=NOW.date(), locale="en"
    )
    for number, position in enumerate(order.positions.all()):
        invoice.lines.create(
            position=number,
            description="Ticket",
            gross_value=position.price,
            tax_value=position.tax_value,
            tax_rate=position.tax_rate,
            item=position.item,
            variation=position.variation,
        )


def cards(organizer: models.Organizer, customers: list[models.Customer]) -> None:
    positions = models.OrderPosition.objects.order_by("pk")
    for number, position in enumerate(positions[:20]):
        card = organizer.issued_gift_cards.create(
            secret=f"CARD{number:04}", currency="EUR", owner_ticket=position
        )
        card.transactions.create(value=Decimal(10), acceptor=organizer)
        if not number:
            for order in models.Order.objects.all()[:12]:
                card.transactions.create(value=Decimal(1), acceptor=organizer, order=order)
        organizer.reusable_media.create(
            type="barcode",
            identifier=f"MEDIUM{number:04}",
            linked_orderposition=position,
            linked_giftcard=card,
            customer=customers[number % len(customers)],
        )


def devices(organizer: models.Organizer) -> list[models.Device]:
    return [
        organizer.devices.create(name=f"Scanner {number}", all_events=False) for number in range(8)
    ]


def series(organizer: models.Organizer, kind: models.EventMetaProperty) -> None:
    """An event with dates, each with its own quota and check-in list."""
    event = new_event(organizer, 2, has_subevents=True)
    item = event.items.create(name="Seat", default_price=PRICE)
    value = item.variations.create(value="Front")
    for number in range(12):
        date = event.subevents.create(
            name=f"Date {number}", date_from=NOW + MONTH * (number + 1), active=True
        )
        date.meta_values.create(property=kind, value="talk")
        quota = event.quotas.create(name="All", size=50, subevent=date)
        quota.items.add(item)
        quota.variations.add(value)
        event.checkin_lists.create(name="Door", subevent=date, all_products=True)
        models.SubEventItem.objects.create(subevent=date, item=item, price=PRICE)


with scopes_disabled():
    populate(int(sys.argv[1]))
