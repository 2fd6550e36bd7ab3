"""drf-values-rows: a list of plain columns is read as values, without an instance for each row."""

import builtins
import keyword
from collections.abc import Iterator

from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._serializers import Column, Plain, plain
from unslow.lab.prescribe._source import Source
from unslow.lab.prescribe._top_level import free_name
from unslow.model import Finding, Patch

DETECTORS = frozenset({"costly-serialization"})
FIXER = "drf-values-rows"


def fix(finding: Finding, source: Source) -> Iterator[Patch]:
    """One patch for a ModelSerializer whose fields are all columns of its model."""
    found = plain(finding, source)
    if not isinstance(found, Plain):
        return
    module, body = found.module, found.body
    imports = Imports(module, module.start(body))
    queryset = imports.name("django.db.models", "QuerySet")
    own = body.name.value.removesuffix("Serializer")
    name = free_name(module, f"{own}Rows", f"{own}List")
    if queryset is None or not name:
        return
    base = module.text(body.bases[0].value).replace("ModelSerializer", "ListSerializer")
    known = base if "." in base else imports.name("rest_framework.serializers", base)
    if known is None:
        return
    last = found.meta.body.body[-1]
    indent = module.indent(module.start(last))
    end = module.content.find(b"\n", module.end(last))
    end = len(module.content) if end < 0 else end
    edits = (
        module.insert(module.start(body), _list(found, name, known, queryset)),
        module.insert(end, f"\n{indent}list_serializer_class = {name}"),
        *imports.edits(),
    )
    yield Patch(FIXER, f"Read lists of {found.model.name} as values", "review", edits)


def _list(found: Plain, name: str, base: str, queryset: str) -> str:
    columns = found.columns
    asked = ", ".join(f'"{one.attribute}"' for one in columns)
    lines = [
        f"class {name}({base}):",
        "    def to_representation(self, data):",
        "        if not self.is_unread(data):",
        "            return super().to_representation(data)",
        *(
            f'        {one.name}_text = self.child.fields["{one.name}"].to_representation'
            for one in columns
            if one.by_field
        ),
        f"        rows = data.prefetch_related(None).values_list({asked})",
        "        return [",
        "            {",
        *(f'                "{one.name}": {_value(one)},' for one in columns),
        "            }",
        f"            for {', '.join(_variable(one) for one in columns)}{_comma(columns)} in rows",
        "        ]",
        "",
        "    def is_unread(self, data):",
        f"        if not isinstance(data, {queryset}) or data.model is not {found.model.name}:",
        "            return False",
        "        query = data.query",
        "        grouped = query.distinct or query.combinator or query.group_by is not None",
        "        return data._result_cache is None and data._fields is None and not grouped",
        "",
        "",
        "",
    ]
    return "\n".join(lines)


def _value(column: Column) -> str:
    name = _variable(column)
    if not column.by_field:
        return name
    made = f"{column.name}_text({name})"
    return f"None if {name} is None else {made}" if column.null else made


def _variable(column: Column) -> str:
    taken = {"self", "data", "rows", *dir(builtins), *keyword.kwlist}
    return f"{column.attribute}_" if column.attribute in taken else column.attribute


def _comma(columns: tuple[Column, ...]) -> str:
    return "," if len(columns) == 1 else ""
