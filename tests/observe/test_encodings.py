"""What a response costs to make is timed once: the outermost serializer, FastAPI's encoder."""

DJANGO = """
from django.conf import settings

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x", INSTALLED_APPS=[],
                   REST_FRAMEWORK={"UNAUTHENTICATED_USER": None})
import django
django.setup()
from django.core.wsgi import get_wsgi_application
from django.urls import path
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView


class Inner(serializers.Serializer):
    name = serializers.CharField()


class Outer(serializers.Serializer):
    class Meta:
        fields = ["n", "inner"]

    n = serializers.IntegerField()
    inner = Inner(many=True)


class Rows(APIView):
    authentication_classes = permission_classes = []
    renderer_classes = [JSONRenderer]

    def get(self, request):
        rows = [{"n": n, "inner": [{"name": "x"}]} for n in range(7)]
        return Response(Outer(rows, many=True).data)


urlpatterns = [path("rows/", Rows.as_view())]
application = get_wsgi_application()
"""

FASTAPI = """
from fastapi import FastAPI

app = FastAPI()


@app.get("/plain")
def plain():
    return [{"n": n} for n in range(9)]


@app.get("/typed")
def typed() -> list[int]:
    return [1, 2, 3]
"""


def test_the_outermost_serializer_and_the_list_of_its_fields(app):
    command = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "server")
    with app.write(server=DJANGO).run(*command) as running:
        (one,) = running.observe("/rows/")["encodings"]
        assert running.collector.of("error") == []
    assert (one["kind"], one["name"], one["items"]) == ("serializer", "server.Outer", 7)
    assert one["duration_ms"] > 0
    site = one["site"]
    assert DJANGO.splitlines()[site["line"] - 1][site["column"] :] == '["n", "inner"]'


def test_an_untyped_route_is_encoded_in_python(app):
    command = ("-m", "uvicorn", "--port", "{port}", "server:app")
    with app.write(server=FASTAPI).run(*command) as running:
        (one,) = running.observe("/plain")["encodings"]
        (typed,) = running.observe("/typed")["encodings"]
        assert running.collector.of("error") == []
    assert (one["kind"], one["name"], one["items"]) == ("encoder", "server.plain", 9)
    site = one["site"]
    text = FASTAPI.splitlines()[site["line"] - 1][site["column"] : site["end_column"]]
    assert text == '[{"n": n} for n in range(9)]'
    assert (typed["kind"], typed["items"]) == ("response model", 3)
