"""A Django project whose page runs as many queries as its path says, watched by one tool."""

import os

import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path
from psycopg.conninfo import conninfo_to_dict

TOOL = os.environ["TOOL"]
params = conninfo_to_dict(os.environ["DSN"])
ENGINES = {"django-prometheus": "django_prometheus.db.backends.postgresql"}
APPS = {
    "django-debug-toolbar": ["django.contrib.staticfiles", "debug_toolbar"],
    "django-silk": ["django.contrib.contenttypes", "silk"],
    "django-prometheus": ["django_prometheus"],
}
UNSLOW = ["unslow.kit.django.Middleware"]
MIDDLEWARE = {
    "unslow light": UNSLOW,
    "unslow full": UNSLOW,
    "unslow metrics": UNSLOW,
    "unslow telemetry": UNSLOW,
    "django-debug-toolbar": ["debug_toolbar.middleware.DebugToolbarMiddleware"],
    "django-silk": ["silk.middleware.SilkyMiddleware"],
    "django-prometheus": [
        "django_prometheus.middleware.PrometheusBeforeMiddleware",
        "django_prometheus.middleware.PrometheusAfterMiddleware",
    ],
}
DEBUG = TOOL in ("DEBUG = True", "django-debug-toolbar")

settings.configure(
    DEBUG=DEBUG,
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="benchmark",
    STATIC_URL="static/",
    INSTALLED_APPS=APPS.get(TOOL, []),
    MIDDLEWARE=MIDDLEWARE.get(TOOL, []),
    UNSLOW={"METRICS": TOOL == "unslow metrics", "TELEMETRY": TOOL == "unslow telemetry"},
    DEBUG_TOOLBAR_CONFIG={"SHOW_TOOLBAR_CALLBACK": lambda request: True},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
    LOGGING={"version": 1, "root": {"level": "ERROR"}},
    DATABASES={
        "default": {
            "ENGINE": ENGINES.get(TOOL, "django.db.backends.postgresql"),
            "CONN_MAX_AGE": None,
            "NAME": params["dbname"],
            "USER": params["user"],
            "HOST": params["host"],
            "PORT": params["port"],
        }
    },
)


def opentelemetry() -> None:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Drop(SpanExporter):
        def export(self, spans):
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Drop()))
    trace.set_tracer_provider(provider)


if TOOL == "unslow full":
    from unslow.observe import _embedded

    _embedded.start("full")
elif TOOL == "unslow telemetry":
    opentelemetry()
elif TOOL == "OpenTelemetry":
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor

    opentelemetry()
    DjangoInstrumentor().instrument()
    PsycopgInstrumentor().instrument()
elif TOOL == "sentry-sdk":
    import sentry_sdk
    from sentry_sdk.transport import Transport

    class Drop(Transport):
        def capture_envelope(self, envelope):
            pass

    sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", traces_sample_rate=1.0, transport=Drop)

django.setup()

if TOOL == "django-silk":
    from django.core.management import call_command

    call_command("migrate", verbosity=0)

from django.db import models  # noqa: E402


class Item(models.Model):
    name = models.TextField()

    class Meta:
        app_label = "benchmark"
        db_table = "items"


def view(request, count):
    for number in range(count):
        list(Item.objects.filter(id=number))
    return HttpResponse("<html><body>done</body></html>")


urlpatterns = [path("<int:count>/", view)]

if TOOL == "django-debug-toolbar":
    from debug_toolbar.toolbar import debug_toolbar_urls

    urlpatterns += debug_toolbar_urls()
elif TOOL == "django-silk":
    from django.urls import include

    urlpatterns.append(path("silk/", include("silk.urls", namespace="silk")))

from django.core.wsgi import get_wsgi_application  # noqa: E402

application = get_wsgi_application()
