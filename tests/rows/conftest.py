"""A bench for what is done with rows: a view with its query marked «so», found and fixed."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from tests.builders import link, load, origin, query, request, trace
from unslow.lab.diagnose import diagnose, readers
from unslow.lab.patching import apply
from unslow.lab.prescribe import Source
from unslow.model import Field, Finding, Model, Patch, Relation, Site, Trace

PATH = "shop/views.py"
DJANGO = {
    "id": "BigAutoField",
    "number": "CharField",
    "status": "CharField",
    "total": "IntegerField",
    "price": "DecimalField",
    "rate": "FloatField",
    "paid": "BooleanField",
    "placed_at": "DateTimeField",
    "sent_at": "DateTimeField",
    "note": "TextField",
    "attachment": "BinaryField",
    "customer": "ForeignKey",
}
ALCHEMY = {
    "id": "Integer",
    "number": "String",
    "status": "String",
    "total": "Integer",
    "price": "Numeric",
    "rate": "Float",
    "paid": "Boolean",
    "placed_at": "DateTime",
    "sent_at": "DateTime",
    "note": "Text",
    "attachment": "LargeBinary",
    "customer_id": "Integer",
}


def order(orm: str) -> Model:
    types = DJANGO if orm == "django" else ALCHEMY
    return Model(
        "shop.Order" if orm == "django" else "shop.models.Order",
        orm,
        "shop.models",
        "Order",
        "orders",
        fields=tuple(
            Field(
                name,
                "customer_id" if name == "customer" else name,
                type_,
                null=name == "sent_at",
                primary_key=name == "id",
            )
            for name, type_ in types.items()
        ),
        relations=(
            Relation("customer", "customer", "forward", "shop.Customer", column="customer_id"),
            Relation("items", "items", "reverse", "shop.Item", remote_column="order_id"),
        ),
        app_label="shop",
    )


@dataclass
class RowsBench:
    """One view on disk, and the trace of its query, that gave `rows` rows."""

    root: Path
    orm: str = "django"
    detector: str = ""
    rows: int = 500
    loads: Mapping[str, object] = field(default_factory=dict)
    site: str = ""  # the file of the model
    patch: Patch | None = None
    line_length: int = 320  # of the project; most tests show a statement in one line

    def trace(self, text: str) -> Trace:
        clean = text.replace("«", "").replace("»", "")
        file = self.root / PATH
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(clean)
        settings = f"[tool.ruff]\nline-length = {self.line_length}\n"
        (self.root / "pyproject.toml").write_text(settings)
        ast.parse(clean)
        site = marked(text)
        place = f"{PATH}:{site.line}:{site.column} run"
        model = order(self.orm)
        if self.site:
            model = msgspec.structs.replace(model, site=Site(self.site, 1, 1, 0, 5, "<module>"))
        chain = origin(model.label, link("filter", place))
        made = load(
            **{"kind": "select", "model": model.label, "orm": self.orm, "queryset": chain}
            | dict(self.loads)
        )
        asked = query("SELECT * FROM orders", place, load=made, rows=self.rows)
        seen = trace(*[request("GET", "orders/", asked)] * 3, models=(model,))
        return exact(seen, site)

    def findings(self, text: str) -> list[Finding]:
        found = diagnose(self.trace(text), lambda path: (self.root / path).read_bytes())
        return [one for one in found if one.id == self.detector]

    def fixed(self, fixer: ModuleType, text: str, nth: int = 0) -> str | None:
        """The view after the fixer's n-th patch; None where nothing is found or written."""
        seen = self.trace(text)
        module = readers()[self.detector.replace("-", "_")]
        found = list(module.find_in_source(seen, lambda path: (self.root / path).read_bytes()))
        source = Source([self.root], seen.models, seen)
        advice = [one for finding in found for one in fixer.fix(finding, source)]
        patches = [one for one in advice if isinstance(one, Patch)]
        if len(patches) <= nth:
            return None
        self.patch = patches[nth]
        changed = apply([self.patch], source.read)[PATH].decode()
        ast.parse(changed)
        return changed


def marked(text: str) -> Site:
    start = text.index("«")
    before = text[:start]
    line = before.count("\n") + 1
    inside = text[start + 1 : text.index("»")]
    column = len(before.rpartition("\n")[2].encode())
    lines = inside.count("\n")
    end = len(inside.rpartition("\n")[2].encode()) + (0 if lines else column)
    return Site(PATH, line, line + lines, column, end, "run")


def exact(seen: Trace, site: Site) -> Trace:
    """The trace with the marked expression wherever a site stands in its line."""
    wrong = msgspec.json.encode(seen.requests[0].queries[0].stack[0])
    data = msgspec.json.encode(seen).replace(wrong, msgspec.json.encode(site))
    return msgspec.json.decode(data, type=Trace)


@pytest.fixture
def rows_bench(tmp_path: Path) -> RowsBench:
    return RowsBench(tmp_path)
