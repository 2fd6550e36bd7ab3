"""Patterns, templates and models that requests compile."""

SOURCE = """
import re
import django, jinja2
from django.conf import settings
from django.template import Context, Template
from pydantic import BaseModel, TypeAdapter, create_model

settings.configure(TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}])
django.setup()

WORDS = [f"word{n}" for n in range(600)]
KEPT = jinja2.Environment(loader=jinja2.DictLoader({"row.html": "<b>{{ n }}</b>"}))

class Row(BaseModel):
    id: int

def constant():
    return [re.search("a+", "banana") for n in range(3)]

def words():
    return [re.search(rf"\\b{word}\\b", "some word5") for word in WORDS]

def adapter():
    return TypeAdapter(list[Row]).validate_python([{"id": 1}])

def local():
    class Own(BaseModel):
        rows: "list[Inner]"

    class Inner(BaseModel):
        id: int

    Own.model_rebuild()
    return TypeAdapter("list[Inner]").validate_python([{"id": 1}])

def made():
    return create_model("Made", id=(int, ...))(id=1)

def text():
    return jinja2.Template("{{ n }}").render(n=1)

def kept():
    return KEPT.get_template("row.html").render(n=1)

def django_text():
    return Template("{{ n }}").render(Context({"n": 1}))

def application(environ, start_response):
    body = globals()[environ["PATH_INFO"].strip("/")]()
    start_response("200 OK", [])
    return [repr(body).encode()]
"""
COMMAND = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "server")
COMPILED = {
    "words": [("re.Pattern", 600)],
    "adapter": [("pydantic.TypeAdapter", 1)],
    "made": [("pydantic.BaseModel", 1)],
    "text": [("jinja2.Template", 1)],
    "kept": [],
    "django_text": [("django.template.Template", 1)],
}


def test_what_is_compiled_is_counted_by_place(app):
    with app.write(server=SOURCE).run(*COMMAND) as running:
        first = {name: running.observe(f"/{name}").get("compiled", []) for name in COMPILED}
        seen = {name: running.observe(f"/{name}").get("compiled", []) for name in COMPILED}
        running.get("/constant")
        constant = running.observe("/constant")
        local = running.get("/local")
        assert running.collector.of("error") == []
    assert {
        name: [(one["what"], one["times"]) for one in found] for name, found in seen.items()
    } == COMPILED
    assert "compiled" not in constant
    assert first["kept"]
    for name in ("words", "adapter", "made", "text", "django_text"):
        assert seen[name][0]["digest"] == first[name][0]["digest"]
        assert seen[name][0]["stack"][0]["function"].startswith(name)
    assert (local.status, local.body) == (200, b"[Inner(id=1)]")
