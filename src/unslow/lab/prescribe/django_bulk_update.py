"""Saves after the loop, in one statement, the rows that a loop changes and saves one by one."""

from __future__ import annotations

from collections.abc import Iterator

from unslow.lab.prescribe._django_saves import UNPLAIN, Saves, now, saves
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._layout import Call, lay_out, quoted
from unslow.lab.prescribe._loops import plural
from unslow.lab.prescribe._one_update import one_update
from unslow.lab.prescribe._row_writes import after, before, has_lines, written
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Model, Patch, Recommendation

DETECTORS = frozenset({"row-by-row-write", "read-modify-write"})
FIXER = "django-bulk-update"

UNNAMED = "there is no free name for the rows"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for the expression that saves a row in each round, unless one `UPDATE` does it."""
    found = written(finding, source, "django", "update")
    if found is None:
        return
    evidence, model = found
    saved = saves(evidence, model, source)
    if isinstance(saved, Saves) and not isinstance(one_update(saved, source), str):
        return
    advice = saved if isinstance(saved, str) else _patch(saved)
    yield advice if isinstance(advice, Patch) else _recommendation(model, advice)


def _patch(saved: Saves) -> Patch | str:
    write = saved.write
    module, model = write.module, write.model
    imports = Imports(module)
    name = imports.name(model.module, model.name)
    many = plural(model.name)
    rows = write.free_name(f"changed_{many}", f"{many}_to_save")
    stamp = now(imports) if saved.stamps else ""
    if rows is None or name is None or stamp is None:
        return UNNAMED
    if saved.stamps and not has_lines(write):
        return UNPLAIN
    indent = module.indent(module.start(write.node))
    stamps = "".join(f"{saved.row}.{field.name} = {stamp}\n{indent}" for field in saved.stamps)
    names = quoted([field.name for field in dict.fromkeys((*saved.fields, *saved.stamps))])
    head = f"{write.prefix}{name}.objects.{'a' * write.awaited}bulk_update"
    outer = module.indent(module.start(write.loop))
    bulk = lay_out(Call(head, (rows, f"[{', '.join(names)}]")), "", len(outer))
    edits = [
        before(module, write.loop, f"{rows} = []"),
        module.replace(write.node, f"{stamps}{rows}.append({saved.row})"),
        after(module, write.loop, bulk),
        *imports.edits(),
    ]
    summary = f"Save all changed rows of {model.name} at once: bulk_update"
    return Patch(FIXER, summary, "review", tuple(edits))


def _recommendation(model: Model, reason: str) -> Recommendation:
    summary = f"Collect the rows and save them at once: {model.name}.objects.bulk_update(rows, ...)"
    return Recommendation(FIXER, summary, reason)
