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
from argus.notificationprofile.models import (  # noqa: E402
    DestinationConfig,
    Filter,
    Media,
    NotificationProfile,
    TimeRecurrence,
    Timeslot,
)
from argus.plannedmaintenance.models import PlannedMaintenanceTask  # noqa: E402
from django.contrib import auth  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402

TOKEN = "a" * 40
SESSION = "s" * 32


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
    for source in sources:
        Token.objects.create(user=source.user)
    profiles(admin)
    log_in(admin)


def profiles(owner: User) -> None:
    media, _ = Media.objects.get_or_create(slug="email", defaults={"name": "Email"})
    for number in range(8):
        slot = Timeslot.objects.create(user=owner, name=f"Slot {number}")
        TimeRecurrence.objects.create(
            timeslot=slot, days=[1, 2], start=datetime.time(8), end=datetime.time(16)
        )
        chosen = Filter.objects.create(
            user=owner, name=f"Filter {number}", filter={"maxlevel": 5}, public=True
        )
        destination = DestinationConfig.objects.create(
            user=owner,
            media=media,
            settings={"email_address": f"{number}@example.com", "synced": False},
        )
        profile = NotificationProfile.objects.create(
            user=owner, name=f"Profile {number}", timeslot=slot
        )
        profile.filters.add(chosen)
        profile.destinations.add(destination)
        task = PlannedMaintenanceTask.objects.create(created_by=owner, description=f"Work {number}")
        task.filters.add(chosen)


def log_in(person: User) -> None:
    """A session under a known key, for the pages."""
    session = SessionStore()
    session[auth.SESSION_KEY] = str(person.pk)
    session[auth.BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[auth.HASH_SESSION_KEY] = person.get_session_auth_hash()
    session._session_key = SESSION
    session.save(must_create=True)


populate(int(sys.argv[1]))
