"""drf-plain-representation: a serializer of plain columns reads them itself, field by field."""

import re
from collections.abc import Iterator, Sequence

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._class_bodies import assigned, bases, inner_class
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._source import Source
from unslow.model import EncodingEvidence, Field, Finding, Model, Patch, Recommendation, TextEdit

DETECTORS = frozenset({"costly-serialization"})
FIXER = "drf-plain-representation"
SUMMARY = "Write to_representation with the plain fields, or answer with .values() rows"
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


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for a ModelSerializer whose fields are all columns of its model."""
    evidence = finding.evidence
    if not isinstance(evidence, EncodingEvidence) or evidence.kind != "serializer":
        return
    module = source.module(finding.cause.path) if finding.cause else None
    name = evidence.name.rpartition(".")[2]
    found = [n for n in module.nodes(cst.ClassDef) if n.name.value == name] if module else []
    if module is None or len(found) != 1:
        yield Recommendation(FIXER, SUMMARY, "the serializer's class is not in the source")
        return
    written = _written(module, found[0], source)
    yield Recommendation(FIXER, SUMMARY, written) if isinstance(written, str) else written


def _written(module: Module, body: cst.ClassDef, source: Source) -> Patch | str:
    meta = inner_class(body, "Meta")
    if meta is None or not _is_plain(body, meta):
        return "the class declares more than a Meta with model and fields"
    if _is_inherited(body.name.value, source):
        return "other serializers inherit from it"
    names, model = _fields(meta), _model(meta, source)
    if not names or model is None:
        return "its fields or its model are not plain to see"
    values = [_value(name, model) for name in names]
    if None in values:
        return f"{names[values.index(None)]} is no plain column of {model.name}"
    text = _method(model.name, names, [value or "" for value in values])
    summary = f"Read the {len(names)} columns of {model.name} in to_representation"
    return Patch(FIXER, summary, "review", (_append(module, body, text),))


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


def _value(name: str, model: Model) -> str | None:
    """The expression of one field's value; None where it is no plain column."""
    column = next((field for field in model.fields if field.name == name), None)
    if column is not None and column.type in AS_IS:
        return f"instance.{name}"
    if column is not None and column.type in BY_FIELD:
        made = f'fields["{name}"].to_representation(instance.{name})'
        return f"None if instance.{name} is None else {made}" if column.null else made
    if any(f.type in KEYS and name == f"{f.name}_id" == f.column for f in model.fields):
        return f"instance.{name}"
    return _key(column, model) if column is not None and column.type in KEYS else None


def _key(column: Field, model: Model) -> str | None:
    """A foreign key's own value, where it is the primary key of the other row."""
    relation = next((r for r in model.relations if r.name == column.name), None)
    plain = relation is not None and relation.kind == "forward" and relation.column == column.column
    return f"instance.{column.name}_id" if plain and column.column == f"{column.name}_id" else None


def _method(model: str, names: Sequence[str], values: Sequence[str]) -> str:
    head = [
        "def to_representation(self, instance):",
        f"    if not isinstance(instance, {model}):",
        "        return super().to_representation(instance)",
    ]
    if any("fields[" in value for value in values):
        head.append("    fields = self.fields")
    rows = [f'        "{name}": {value},' for name, value in zip(names, values, strict=True)]
    return "\n".join([*head, "    return {", *rows, "    }"])


def _append(module: Module, body: cst.ClassDef, text: str) -> TextEdit:
    """The method at the end of the class."""
    last = body.body.body[-1]
    inner = last.body.body[-1] if isinstance(last, cst.ClassDef) else last
    end = module.content.find(b"\n", module.end(inner))
    end = len(module.content) if end < 0 else end
    first = next(one for one in body.body.body)
    indent = module.indent(module.start(first))
    lines = [f"{indent}{line}" if line else "" for line in text.split("\n")]
    return module.insert(end, "\n\n" + "\n".join(lines))
