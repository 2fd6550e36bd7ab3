"""ModelSerializers whose fields are all columns of their model, as their source shows them."""

import re
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._class_bodies import assigned, bases, inner_class
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import EncodingEvidence, Field, Finding, Model

BASES = frozenset({"serializers.ModelSerializer", "ModelSerializer"})
META = frozenset({"model", "fields", "read_only_fields", "ordering"})
# What the database gives for these is what their serializer field makes of it.
AS_IS = frozenset(
    """
    AutoField BigAutoField SmallAutoField IntegerField BigIntegerField SmallIntegerField
    PositiveIntegerField PositiveBigIntegerField PositiveSmallIntegerField BooleanField CharField
    TextField SlugField EmailField URLField FloatField
    """.split()  # noqa: SIM905
)
# Made by their own serializer field, whose settings count.
BY_FIELD = frozenset({"DecimalField", "DateTimeField", "DateField", "TimeField", "UUIDField"})
KEYS = frozenset({"ForeignKey", "OneToOneField"})


@dataclass(frozen=True)
class Column:
    """A field of the serializer and the attribute of the row that it is; `by_field` tells that the
    serializer's own field makes its text."""

    name: str
    attribute: str
    by_field: bool = False
    null: bool = False


@dataclass(frozen=True)
class Plain:
    """A serializer's class with its columns in their order."""

    module: Module
    body: cst.ClassDef
    meta: cst.ClassDef
    model: Model
    columns: tuple[Column, ...]


def plain(finding: Finding, source: Source) -> Plain | str | None:
    """The finding's serializer, or why its fields are not plain; None for other findings."""
    evidence = finding.evidence
    if not isinstance(evidence, EncodingEvidence) or evidence.kind != "serializer":
        return None
    module = source.module(finding.cause.path) if finding.cause else None
    name = evidence.name.rpartition(".")[2]
    found = [n for n in module.nodes(cst.ClassDef) if n.name.value == name] if module else []
    if module is None or len(found) != 1:
        return "the serializer's class is not in the source"
    body = found[0]
    meta = inner_class(body, "Meta")
    if meta is None or not _is_plain(body, meta):
        return "the class declares more than a Meta with model and fields"
    if _is_inherited(body.name.value, source):
        return "other serializers inherit from it"
    names, model = _fields(meta), _model(meta, source)
    if not names or model is None:
        return "its fields or its model are not plain to see"
    columns = [(name, _column(name, model)) for name in names]
    strange = next((name for name, column in columns if column is None), None)
    if strange is not None:
        return f"{strange} is no plain column of {model.name}"
    return Plain(module, body, meta, model, tuple(one for _, one in columns if one is not None))


def _is_plain(body: cst.ClassDef, meta: cst.ClassDef) -> bool:
    if not isinstance(body.body, cst.IndentedBlock) or bases(body) not in [[b] for b in BASES]:
        return False
    others = [one for one in body.body.body if one is not meta and not _is_text(one)]
    return not others and not meta.bases and all(_is_known(one) for one in meta.body.body)


def _is_text(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and all(
        isinstance(small, cst.Expr) for small in statement.body
    )


def _is_known(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and all(
        isinstance(small, cst.Assign)
        and all(chains.dotted(target.target) in META for target in small.targets)
        for small in statement.body
    )


def _is_inherited(name: str, source: Source) -> bool:
    pattern = re.compile(rb"class\s+\w+\([^)]*\b" + name.encode() + rb"\b[^)]*\)\s*:")
    return any(pattern.search(source.read(path)) for path in source.files("**/*.py"))


def _fields(meta: cst.ClassDef) -> list[str]:
    found = assigned(meta, "fields")
    value = found[0].value if found else None
    if not isinstance(value, cst.List | cst.Tuple):
        return []
    names = [chains.string(element.value) for element in value.elements]
    return [name for name in names if name] if all(names) else []


def _model(meta: cst.ClassDef, source: Source) -> Model | None:
    found = assigned(meta, "model")
    name = chains.dotted(found[0].value) if found and found[0].value else ""
    named = [one for one in source.models if one.orm == "django" and one.name == name]
    return named[0] if len(named) == 1 else None


def _column(name: str, model: Model) -> Column | None:
    """One field's column; None where it is no plain one."""
    column = next((field for field in model.fields if field.name == name), None)
    if column is not None and column.type in AS_IS:
        return Column(name, name)
    if column is not None and column.type in BY_FIELD:
        return Column(name, name, by_field=True, null=column.null)
    if any(f.type in KEYS and name == f"{f.name}_id" == f.column for f in model.fields):
        return Column(name, name)
    return _key(column, model) if column is not None and column.type in KEYS else None


def _key(column: Field, model: Model) -> Column | None:
    """A foreign key's own value, where it is the primary key of the other row."""
    relation = next((r for r in model.relations if r.name == column.name), None)
    plain = relation is not None and relation.kind == "forward" and relation.column == column.column
    own = plain and column.column == f"{column.name}_id"
    return Column(column.name, f"{column.name}_id") if own else None
