"""Writes a missing index into the Django model's Meta and a migration that creates it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _class_bodies as bodies
from unslow.lab.prescribe import _indexes as indexes
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._indexes import Candidate, Test
from unslow.lab.prescribe._layout import Call, lay_out
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._revisions import django_leaf, django_number
from unslow.lab.prescribe._source import Source
from unslow.model import (
    Finding,
    IndexEvidence,
    Model,
    NewFile,
    Patch,
    Recommendation,
    TextEdit,
)

DETECTORS = indexes.DETECTORS
FIXER = "django-index"
MODELS = "django.db.models"
FUNCTIONS = "django.db.models.functions"
MAX_NAME = 30  # characters: Django's limit, for databases with short names
PLAIN_BASES = frozenset({"models.Model", "Model"})


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """A patch per rival index: the model's Meta, a migration, and the SQL."""
    evidence = finding.evidence
    model = source.model(evidence.model) if isinstance(evidence, IndexEvidence) else None
    if model is None or model.orm != "django":
        return
    for candidate in indexes.candidates(finding, source):
        found = _patch(candidate, model, source)
        if isinstance(found, str):
            yield Recommendation(FIXER, f"{candidate.summary} of {model.label}", found)
            return
        if found is not None:
            yield found


def _patch(candidate: Candidate, model: Model, source: Source) -> Patch | str | None:
    """The patch, the reason why there is none, or None when the index is there."""
    args = _arguments(candidate, model)
    place = bodies.class_of(model, source)
    leaf = django_leaf(model.migrations, model.app_label, source) if model.migrations else None
    if place is None:
        return "the model is not defined in your source"
    if args is None:
        return "a column of the index belongs to a model that it inherits from"
    if leaf is None:
        return f"the app {model.app_label} has no migrations, or several that none follows"
    if _quoted(args.name).encode() in place[0].content:
        return None
    edits = _meta(*place, source, args)
    if isinstance(edits, str):
        return edits
    summary = f"{candidate.summary}: Meta.indexes of {model.label} and a migration"
    files = (_migration(model, leaf.name, args, source),)
    return Patch(FIXER, summary, "safe", tuple(edits), files, (candidate.sql(args.name),))


@dataclass(frozen=True)
class Arguments:
    """What `models.Index(...)` is called with; `functions` (`Upper`) are those of its fields."""

    name: str
    fields: tuple[str, ...]
    conditions: tuple[str, ...]
    functions: tuple[str, ...] = ()
    included: tuple[str, ...] = ()

    def call(self, index: str, condition: str, functions: Mapping[str, str]) -> Call:
        return Call(
            index,
            (
                *self._fields(functions),
                *self._included(),
                f"name={_quoted(self.name)}",
                *self._condition(condition),
            ),
        )

    def _fields(self, functions: Mapping[str, str]) -> tuple[str, ...]:
        if not self.functions:
            return (f"fields=[{', '.join(map(_quoted, self.fields))}]",)
        pairs = zip(self.fields, self.functions, strict=True)
        return tuple(
            f"{functions[name]}({_quoted(field)})" if name else _quoted(field)
            for field, name in pairs
        )

    def _included(self) -> tuple[str, ...]:
        names = ", ".join(map(_quoted, self.included))
        return (f"include=[{names}]",) if self.included else ()

    def _condition(self, name: str) -> tuple[str, ...]:
        return (f"condition={name}({', '.join(self.conditions)})",) if self.conditions else ()


def _arguments(candidate: Candidate, model: Model) -> Arguments | None:
    names = {field.column: field.name for field in model.fields}
    wanted = {key.column for key in candidate.keys} | {test.column for test in candidate.tests}
    wanted |= {*candidate.included}
    if wanted - names.keys():
        return None
    fields = tuple("-" * key.descending + names[key.column] for key in candidate.keys)
    conditions = tuple(_keyword(names[test.column], test) for test in candidate.tests)
    functions = tuple(key.function.title() for key in candidate.keys)
    name = candidate.name(model.name, "_idx", MAX_NAME)
    included = tuple(names[column] for column in candidate.included)
    return Arguments(name, fields, conditions, functions if any(functions) else (), included)


def _keyword(field: str, test: Test) -> str:
    if test.value is None:
        return f"{field}__isnull={not test.negated}"
    return f"{field}={indexes.literal(test.value)}"


def _meta(
    module: Module, body: cst.ClassDef, source: Source, args: Arguments
) -> list[TextEdit] | str:
    """The edits that add the index to the class, or why there are none."""
    meta = bodies.inner_class(body, "Meta")
    place = bodies.last_field(module, body) if meta is None else meta.body.body[-1]
    if place is None or not isinstance((meta or body).body, cst.IndentedBlock):
        return "the class is written on one line"
    imports = Imports(module, module.start(body))
    index = imports.name(MODELS, "Index")
    condition = imports.name(MODELS, "Q") if args.conditions else ""
    functions = {name: imports.name(FUNCTIONS, name) for name in args.functions if name}
    if index is None or condition is None or None in functions.values():
        return "the module uses the names Index, Q, Lower or Upper for something else"
    call = args.call(index, condition, {name: str(text) for name, text in functions.items()})
    edits = (
        _new_meta(module, body, source, place, call)
        if meta is None
        else _extended_meta(module, meta, source, place, call)
    )
    return edits if isinstance(edits, str) else [*imports.edits(), *edits]


def _new_meta(
    module: Module, body: cst.ClassDef, source: Source, after: cst.CSTNode, call: Call
) -> list[TextEdit] | str:
    inherited = _inherited_meta(module, body, source)
    if inherited is None:
        return f"its Meta may come from {', '.join(bodies.bases(body))}; a new one would hide that"
    indent = module.indent(module.start(after))
    deeper = indent + module.tree.default_indent
    parents = f"({inherited})" if inherited else ""
    opening = f"\n\n{indent}class Meta{parents}:"
    return _new_list(module, after, opening, deeper, call)


def _extended_meta(
    module: Module, meta: cst.ClassDef, source: Source, last: cst.CSTNode, call: Call
) -> list[TextEdit] | str:
    indent = module.indent(module.start(last))
    if bodies.assigned(meta, "managed") is not None:
        return "Django does not manage the table"
    found = bodies.assigned(meta, "indexes")
    if found is None:
        if any(_has_indexes(name, module, source) for name in bodies.bases(meta)):
            return "its Meta inherits from one that may have indexes"
        return _new_list(module, last, "", indent, call)
    statement, times = found
    value = statement.value
    if isinstance(value, cst.BinaryOperation):
        value = value.right
    if times > 1 or not isinstance(value, cst.List | cst.Tuple):
        return "Meta.indexes is computed"
    deeper = indent + module.tree.default_indent
    text = lay_out(call, deeper, len(deeper) + 1)
    if value.elements:
        return bodies.add_element(module, value, text)
    end = module.end(value)
    item = module.insert(end - 1, f"\n{deeper}{text},")
    closing = module.text(value)[-1]
    return [item, TextEdit(module.path, end - 1, end, f"\n{indent}{closing}")]


def _new_list(
    module: Module, after: cst.CSTNode, opening: str, indent: str, call: Call
) -> list[TextEdit]:
    deeper = indent + module.tree.default_indent
    item = f"\n{deeper}{lay_out(call, deeper, len(deeper) + 1)},"
    head = f"{opening}\n{indent}indexes = ["
    return bodies.new_block(module, after, head, item, f"\n{indent}]")


def _inherited_meta(module: Module, body: cst.ClassDef, source: Source) -> str | None:
    """The Meta that the class inherits (`Base.Meta`), "" for none, None when nobody knows."""
    for name in bodies.bases(body):
        if name in PLAIN_BASES:
            continue
        found = bodies.resolve(name, module, source)
        if found is None or found[1] is body:
            return None
        where, base = found
        meta = bodies.inner_class(base, "Meta")
        if meta is None:
            further = _inherited_meta(where, base, source)
            if further is None or further:
                return further and f"{name}.Meta"
        elif bodies.assigned(meta, "abstract") is not None:
            return None if _has_indexes(f"{name}.Meta", module, source) else f"{name}.Meta"
    return ""


def _has_indexes(meta: str, module: Module, source: Source) -> bool:
    """Whether a base such as `Base.Meta` may bring indexes of its own."""
    owner = meta.removesuffix(".Meta")
    found = bodies.resolve(owner, module, source) if owner != meta else None
    inner = bodies.inner_class(found[1], "Meta") if found is not None else None
    if found is None or inner is None:
        return True
    if bodies.defines(inner, "indexes"):
        return True
    return any(_has_indexes(name, found[0], source) for name in bodies.bases(inner))


def _migration(model: Model, leaf: str, args: Arguments, source: Source) -> NewFile:
    name = f"{django_number(model.migrations, source):04d}_{args.name}"
    functions = sorted({one for one in args.functions if one})
    call = args.call("models.Index", "models.Q", dict(zip(functions, functions, strict=True)))
    text = MIGRATION.format(
        app=model.app_label,
        leaf=leaf,
        model=model.name.lower(),
        index=lay_out(call, " " * 12, len("            index=,")),
        functions=f"from {FUNCTIONS} import {', '.join(functions)}\n" if functions else "",
    )
    return NewFile(f"{model.migrations}/{name}.py", text, name, leaf)


def _quoted(text: str) -> str:
    return f'"{text}"'


MIGRATION = """\
from django.db import migrations, models
{functions}

class Migration(migrations.Migration):
    dependencies = [("{app}", "{leaf}")]

    operations = [
        migrations.AddIndex(
            model_name="{model}",
            index={index},
        ),
    ]
"""
