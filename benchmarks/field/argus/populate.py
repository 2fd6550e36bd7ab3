"""Fill a migrated argus database, the same rows for the same number: `populate.py INCIDENTS`."""

import datetime
import random
import sys

import django

django.setup()

from argus.auth.models import User  # noqa: E402
from argus.incident.models import (  # noqa: E402
    Acknowledgement,
    Event,
    Incident,
    IncidentTagRelation,
    SourceSystem,
    SourceSystemType,
    Tag,
)
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402

TOKEN = "a" * 40


@transaction.atomic
def populate(incidents: int) -> None:
    chance = random.Random(incidents)
    now = timezone.now()
    admin = User.objects.create_superuser("admin", "admin@example.com", "unused")
    Token.objects.create(user=admin, key=TOKEN)
    operators = [User.objects.create_user(f"operator{n}") for n in range(8)]
    sources = [
        SourceSystem.objects.create(
            name=f"source{n}",
            type=SourceSystemType.objects.get_or_create(name=f"type{n}")[0],
            user=User.objects.create_user(f"source{n}"),
            base_url="http://source.example/",
        )
        for n in range(8)
    ]
    tags = [Tag.objects.create(key="host", value=f"host{n}") for n in range(40)]
    tags += [Tag.objects.create(key="site", value=f"site{n}") for n in range(10)]
    for number in range(incidents):
        source = chance.choice(sources)
        incident = Incident.objects.create(
            start_time=now - datetime.timedelta(minutes=number),
            end_time=chance.choice([None, now, None]),
            source=source,
            source_incident_id=str(number),
            description=f"incident {number}",
            level=chance.randint(1, 5),
        )
        for tag in chance.sample(tags, 3):
            IncidentTagRelation.objects.create(tag=tag, incident=incident, added_by=admin)
        Event.objects.create(incident=incident, actor=source.user, timestamp=now, type="STA")
        for _ in range(chance.randint(0, 2)):
            event = Event.objects.create(
                incident=incident, actor=chance.choice(operators), timestamp=now, type="ACK"
            )
            Acknowledgement.objects.create(event=event)


populate(int(sys.argv[1]))
