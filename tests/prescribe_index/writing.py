"""Findings about an index, and fixers applied to files: text before, text after."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from unslow.lab.patching import apply
from unslow.lab.prescribe import Source
from unslow.model import (
    SCHEMA_VERSION,
    Cost,
    Field,
    Finding,
    IndexEvidence,
    Model,
    Patch,
    Recommendation,
    Site,
    Table,
    Trace,
)

Written = list[Patch | Recommendation]


def finding(
    *equality: str,
    order: tuple[str, ...] = (),
    ranges: tuple[str, ...] = (),
    predicate: str = "",
    model: str = "shop.Order",
    table: str = "shop_order",
    detector: str = "unindexed-filter",
    included: tuple[str, ...] = (),
) -> Finding:
    return Finding(
        id=detector,
        title="",
        severity="high",
        confidence="certain",
        endpoints=("GET orders/",),
        cause=Site("shop/views.py", 1, 1, 0, 10, "orders"),
        symptom=None,
        evidence=IndexEvidence(
            shape="",
            table=table,
            equality=equality,
            ranges=ranges,
            order=order,
            predicate=predicate,
            model=model,
            included=included,
        ),
        cost=Cost(1, 1.0, 0.1),
    )


def trace(*tables: Table) -> Trace:
    return Trace(SCHEMA_VERSION, "0", "django", "", "", (".",), tables=tables)


def field(name: str, column: str = "", type: str = "CharField") -> Field:
    return Field(name, column or name, type)


def site_of(text: str, path: str, name: str) -> Site:
    line = next(n for n, one in enumerate(text.splitlines(), 1) if one.startswith(f"class {name}"))
    return Site(path, line, line, 0, 0, name)


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    """Write files below a root; keys are paths, with `__` for `/`."""

    def write(files: dict[str, str]) -> Path:
        for path, text in files.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(text))
        return tmp_path

    return write


def patched(patches: list[Patch], source: Source, root: Path) -> None:
    """Write what the patches change."""
    for path, content in apply(patches, source.read).items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def patches(written: Written) -> list[Patch]:
    return [one for one in written if isinstance(one, Patch)]


def reasons(written: Written) -> list[str]:
    return [one.reason for one in written if isinstance(one, Recommendation)]


def model(label: str, orm: str, text: str, path: str, table: str, *fields: Field) -> Model:
    app, _, name = label.rpartition(".")
    return Model(
        label,
        "django" if orm == "django" else "sqlalchemy",
        path.removesuffix(".py").replace("/", "."),
        name,
        table,
        site=site_of(text, path, name),
        fields=fields,
        app_label=app if orm == "django" else "",
        migrations=f"{app}/migrations" if orm == "django" else "",
    )
