"""drf-plain-representation: a serializer of plain columns reads them itself, field by field."""

from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._serializers import Column, Plain, plain
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch, Recommendation, TextEdit

DETECTORS = frozenset({"costly-serialization"})
FIXER = "drf-plain-representation"
SUMMARY = "Write to_representation with the plain fields, or answer with .values() rows"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for a ModelSerializer whose fields are all columns of its model."""
    found = plain(finding, source)
    if isinstance(found, str):
        yield Recommendation(FIXER, SUMMARY, found)
    elif found is not None:
        edit = _append(found.module, found.body, _method(found))
        count = len(found.columns)
        summary = f"Read the {count} columns of {found.model.name} in to_representation"
        yield Patch(FIXER, summary, "review", (edit,))


def _method(found: Plain) -> str:
    head = [
        "def to_representation(self, instance):",
        f"    if not isinstance(instance, {found.model.name}):",
        "        return super().to_representation(instance)",
    ]
    if any(column.by_field for column in found.columns):
        head.append("    fields = self.fields")
    rows = [f'        "{column.name}": {_value(column)},' for column in found.columns]
    return "\n".join([*head, "    return {", *rows, "    }"])


def _value(column: Column) -> str:
    value = f"instance.{column.attribute}"
    made = f'fields["{column.name}"].to_representation({value})' if column.by_field else value
    return f"None if {value} is None else {made}" if column.null else made


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
