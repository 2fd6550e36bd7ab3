"""Templates that application code renders, counted by template and place."""

SOURCE = """
import django, jinja2
from django.conf import settings
from django.forms import CharField, Form

LOADERS = ("django.template.loaders.locmem.Loader", {
    "row.html": "<b>{{ n }}</b>",
    "page.html": "{% for n in rows %}{% include 'row.html' %}{% endfor %}",
    "form.html": "{{ form }}",
})
settings.configure(TEMPLATES=[{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "OPTIONS": {"loaders": [LOADERS]},
}])
django.setup()

from django.template.loader import render_to_string

ENVIRONMENT = jinja2.Environment(loader=jinja2.DictLoader({"row.html": "<b>{{ n }}</b>"}))

class Names(Form):
    first = CharField()
    last = CharField()

def rows():
    return "".join(render_to_string("row.html", {"n": n}) for n in range(12))

def page():
    return render_to_string("page.html", {"rows": range(12)})

def form():
    return render_to_string("form.html", {"form": Names()})

def jinja():
    return "".join(ENVIRONMENT.get_template("row.html").render(n=n) for n in range(12))

def application(environ, start_response):
    body = globals()[environ["PATH_INFO"].strip("/")]()
    start_response("200 OK", [])
    return [body.encode()]
"""
COMMAND = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "server")


def test_renders_are_counted_where_code_makes_them(app):
    with app.write(server=SOURCE).run(*COMMAND) as running:
        seen = {
            name: [
                (one["template"], one["times"])
                for one in running.observe(f"/{name}").get("renders", [])
            ]
            for name in ("rows", "page", "form", "jinja")
        }
        [row] = running.observe("/rows")["renders"]
        assert running.collector.of("error") == []
    assert seen == {
        "rows": [("row.html", 12)],
        "page": [("page.html", 1)],
        "form": [("form.html", 1)],
        "jinja": [("row.html", 12)],
    }
    assert row["stack"][0]["function"] == "rows.<locals>.<genexpr>"
    assert row["duration_ms"] > 0
