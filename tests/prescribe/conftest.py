"""A bench for fixers: source with its cause marked «so», the patched source, the advice."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from unslow.lab.patching import apply
from unslow.lab.prescribe import Source
from unslow.model import (
    Cost,
    Field,
    Finding,
    Link,
    Load,
    Model,
    Origin,
    Patch,
    Recommendation,
    Relation,
    RepeatedLoad,
    RepeatEvidence,
    Site,
)

R = Relation


def model(name: str, *relations: Relation, fields: Sequence[str] = ("id", "name")) -> Model:
    return Model(
        label=f"shop.{name}",
        orm="django",
        module="shop.models",
        name=name,
        table=f"shop_{name.lower()}",
        fields=tuple(Field(f, f, "CharField", primary_key=f == "id") for f in fields),
        relations=relations,
        app_label="shop",
    )


SHOP = (
    model("Company"),
    model(
        "Customer",
        R("company", "company", "forward", "shop.Company", null=True, column="company_id"),
        R("orders", "orders", "reverse", "shop.Order", remote_column="customer_id"),
        R("profile", "profile", "reverse-one-to-one", "shop.Profile"),
    ),
    model("Profile", R("customer", "customer", "one-to-one", "shop.Customer")),
    model(
        "Order",
        R("customer", "customer", "forward", "shop.Customer", column="customer_id"),
        R("courier", "courier", "forward", "shop.Company", null=True, column="courier_id"),
        R("items", "items", "reverse", "shop.Item", remote_column="order_id"),
        R("note_set", "note", "reverse", "shop.Note", remote_column="order_id"),
        R("target", "target", "generic-forward", ""),
        fields=("id", "status", "total"),
    ),
    model(
        "Item",
        R("order", "order", "forward", "shop.Order", column="order_id"),
        R("product", "product", "forward", "shop.Product", column="product_id"),
        fields=("id", "quantity"),
    ),
    model("Note", R("order", "order", "forward", "shop.Order", column="order_id")),
    model("Product", R("tags", "tags", "many-to-many", "shop.Tag")),
    model("Tag", R("products", "products", "many-to-many", "shop.Product")),
)


@dataclass
class Bench:
    """Files below `root`; «» marks an expression, and its number names the site."""

    root: Path
    models: Sequence[Model] = SHOP
    orm: str = "django"
    sites: list[Site] = field(default_factory=list)

    def write(self, text: str, path: str = "shop/views.py") -> None:
        clean = text.replace("«", "").replace("»", "")
        ast.parse(clean)
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(clean.encode())
        self.sites += [self._site(path, text, start) for start in _positions(text, "«")]

    def _site(self, path: str, text: str, start: int) -> Site:
        depth, end = 0, start
        for end in range(start, len(text)):
            depth += (text[end] == "«") - (text[end] == "»")
            if depth == 0:
                break
        line, column = _position(text[:start])
        end_line, end_column = _position(text[:end])
        return Site(path, line, end_line, column, end_column, _function(text, start))

    @property
    def source(self) -> Source:
        return Source([self.root], self.models)

    def give_site(self, label: str, path: str) -> None:
        """Tell where the model's class stands."""
        site = Site(path, 1, 1, 0, 5, "<module>")
        self.models = [
            msgspec.structs.replace(m, site=site) if m.label == label else m for m in self.models
        ]

    def load(self, path: str, root: str = "shop.Order", site: int = 0, **changes) -> RepeatedLoad:
        """The repeated load of `path` ("customer.company"), its origin at the marked site."""
        names = tuple(path.split("."))
        uses = changes.pop("uses", ())
        stack = changes.pop("stack", (self.sites[site],) if self.sites else ())
        link = changes.pop("link", Link("all", stack))
        prefetched = changes.pop("prefetched", ())
        origin = Origin(f"origin{site}", root, (link,), names[:-1], prefetch_related=prefetched)
        parent, relation = root, None
        for name in names:
            owner = next((m for m in self.models if m.label == parent), None)
            relation = next((r for r in owner.relations if r.name == name), None) if owner else None
            parent, before = (relation.model if relation else ""), parent
        kinds = {"reverse": "reverse", "many-to-many": "reverse"}
        kind = kinds.get(relation.kind, "forward") if relation else "forward"
        values = {"kind": kind, "model": parent, "parent": before, "plain": True, **changes}
        load = Load(orm=self.orm, relation=names[-1], origin=origin, **values)
        return RepeatedLoad("SELECT", "f", 50.0, load, names, uses)

    def finding(self, *loads: RepeatedLoad, cause: Site | None = None, id: str = "repeated-query"):
        cause = cause or (self.sites[0] if self.sites else None)
        return Finding(
            id,
            "",
            "high",
            "certain",
            ("GET orders/",),
            cause,
            None,
            RepeatEvidence(loads),
            Cost(50.0, 10.0, 0.5),
        )

    def advice(self, fixer: ModuleType, *loads: RepeatedLoad, **options):
        return list(fixer.fix(self.finding(*loads, **options), self.source))

    def patches(self, fixer: ModuleType, *loads: RepeatedLoad, **options) -> list[Patch]:
        return [a for a in self.advice(fixer, *loads, **options) if isinstance(a, Patch)]

    def recommended(self, fixer: ModuleType, *loads: RepeatedLoad, **options) -> Recommendation:
        """The one recommendation, where nothing else is written."""
        (only,) = self.advice(fixer, *loads, **options)
        assert isinstance(only, Recommendation)
        return only

    def apply(self, *patches: Patch) -> dict[str, str]:
        """The text of every file that changes; each still parses."""
        changed = apply(patches, self.source.read)
        texts = {path: content.decode() for path, content in changed.items()}
        for text in texts.values():
            ast.parse(text)
        return texts

    def fixed(self, fixer: ModuleType, *loads: RepeatedLoad, nth: int = 0, **options) -> str:
        """The cause's file after the fixer's n-th patch."""
        patch = self.patches(fixer, *loads, **options)[nth]
        return self.apply(patch)[self.sites[0].path]


def _positions(text: str, mark: str) -> list[int]:
    return [index for index, char in enumerate(text) if char == mark]


def _position(before: str) -> tuple[int, int]:
    clean = before.replace("«", "").replace("»", "")
    line = clean.count("\n") + 1
    return line, len(clean.rpartition("\n")[2].encode())


def _function(text: str, start: int) -> str:
    lines = [line for line in text[:start].splitlines() if line.strip().startswith("def ")]
    return lines[-1].strip()[4:].partition("(")[0] if lines else "<module>"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def alchemy(bench):
    """The shop in SQLAlchemy: labels are module.Class."""

    def label(name):
        return name.replace("shop.", "shop.models.")

    bench.orm = "sqlalchemy"
    bench.models = [
        msgspec.structs.replace(
            model,
            orm="sqlalchemy",
            label=label(model.label),
            relations=tuple(
                msgspec.structs.replace(relation, model=label(relation.model), strategy="select")
                for relation in model.relations
            ),
        )
        for model in bench.models
    ]
    load = bench.load
    bench.load = lambda path, root="shop.models.Order", **more: load(path, root, **more)
    return bench


@pytest.fixture
def write(bench: Bench) -> Callable[[str], None]:
    return bench.write
