"""Writes a missing index into the SQLAlchemy model's table arguments and an Alembic revision."""

from collections.abc import Iterator
from hashlib import blake2b
from posixpath import dirname

import libcst as cst

from unslow.lab.prescribe import _class_bodies as bodies
from unslow.lab.prescribe import _indexes as indexes
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._indexes import Candidate, Key
from unslow.lab.prescribe._layout import Call, lay_out
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._revisions import Revision, alembic_head, has_alembic
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
FIXER = "sqlalchemy-index"
ARGS = "__table_args__"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """A patch per rival index: the model, a revision where the project has Alembic, the SQL."""
    evidence = finding.evidence
    model = source.model(evidence.model) if isinstance(evidence, IndexEvidence) else None
    if model is None or model.orm != "sqlalchemy":
        return
    for candidate in indexes.candidates(finding, source):
        found = _patch(candidate, model, source)
        if isinstance(found, str):
            yield Recommendation(FIXER, f"{candidate.summary} of {model.name}", found)
            return
        if found is not None:
            yield found


def _patch(candidate: Candidate, model: Model, source: Source) -> Patch | str | None:
    """The patch, the reason why there is none, or None when the index is there."""
    place = bodies.class_of(model, source)
    if place is None:
        return "the model is not a class of your source"
    module, body = place
    name = candidate.name(f"ix_{candidate.table}")
    if f'"{name}"'.encode() in module.content:
        return None
    head = alembic_head(source)
    if head is None and has_alembic(source):
        return "Alembic has no single head to follow"
    edits = _edits(module, body, source, name, candidate)
    if isinstance(edits, str):
        return edits
    files = (_revision(head, name, candidate, source),) if head is not None else ()
    how = "a revision" if files else candidate.sql(name, concurrently=True)
    summary = f"{candidate.summary}: {ARGS} of {model.name} and {how}"
    return Patch(FIXER, summary, "safe", tuple(edits), files, (candidate.sql(name),))


def _edits(
    module: Module, body: cst.ClassDef, source: Source, name: str, candidate: Candidate
) -> list[TextEdit] | str:
    """The edits that add the index to the class, or why there are none."""
    after = _after(module, body)
    if after is None or not isinstance(body.body, cst.IndentedBlock):
        return "the class is written on one line"
    found = bodies.assigned(body, ARGS)
    if found is None and _may_inherit(module, body, source):
        return f"{ARGS} may come from a base or a method; a new one would hide that"
    imports = Imports(module, module.start(body))
    index, text = imports.name("sqlalchemy", "Index"), "text"
    if candidate.tests or any(key.descending or key.function for key in candidate.keys):
        text = imports.name("sqlalchemy", "text") or ""
    if index is None or not text:
        return "the module uses the names Index or text for something else"
    call = _call(index, text, name, candidate)
    indent = module.indent(module.start(after))
    deeper = indent + module.tree.default_indent
    if found is None:
        item = f"\n{deeper}{lay_out(call, deeper, len(deeper) + 1)},"
        head = f"\n{indent}{ARGS} = ("
        return [*imports.edits(), *bodies.new_block(module, after, head, item, f"\n{indent})")]
    edits = _extended(module, found[0].value, lay_out(call, deeper, len(deeper) + 1))
    if edits is None or found[1] > 1:
        return f"{ARGS} is computed"
    return [*imports.edits(), *edits]


def _after(module: Module, body: cst.ClassDef) -> cst.CSTNode | None:
    """The line of `__tablename__`, which table arguments follow, else the last column."""
    if isinstance(body.body, cst.IndentedBlock):
        for statement in body.body.body:
            if isinstance(statement, cst.SimpleStatementLine) and module.text(statement).startswith(
                "__tablename__"
            ):
                return statement
    return bodies.last_field(module, body)


def _may_inherit(module: Module, body: cst.ClassDef, source: Source, depth: int = 0) -> bool:
    """Whether a base in the source has table arguments, or a method computes them."""
    if bodies.defines(body, ARGS) or depth > 9:
        return True
    for name in bodies.bases(body):
        found = bodies.resolve(name, module, source)
        if found is not None and found[1] is not body and _may_inherit(*found, source, depth + 1):
            return True
    return False


def _extended(module: Module, value: cst.BaseExpression | None, text: str) -> list[TextEdit] | None:
    """One more element, before a closing dictionary of options."""
    if isinstance(value, cst.Dict):
        start, end = module.start(value), module.end(value)
        opening, closing = module.insert(start, "("), module.insert(end, ")")
        return [opening, module.insert(start, f"{text}, "), closing]
    if not isinstance(value, cst.Tuple) or not value.elements:
        return None
    last = value.elements[-1].value
    if isinstance(last, cst.Dict):
        before = module.content[: module.start(last)]
        kept = before.rstrip(b" \t")
        gap = "\n" + before[len(kept) :].decode() if kept.endswith(b"\n") else " "
        return [module.insert(module.start(last), f"{text},{gap}")]
    return bodies.add_element(module, value, text)


def _call(index: str, text: str, name: str, candidate: Candidate) -> Call:
    keys = tuple(_key(key, text) for key in candidate.keys)
    where = f"postgresql_where={text}({_literal(candidate.predicate)})"
    held = _held(candidate)
    return Call(index, (f'"{name}"', *keys, *held, *((where,) if candidate.tests else ())))


def _held(candidate: Candidate) -> tuple[str, ...]:
    names = ", ".join(f'"{name}"' for name in candidate.included)
    return (f"postgresql_include=[{names}]",) if candidate.included else ()


def _key(key: Key, text: str) -> str:
    plain = f'"{key.text}{key.direction}"'
    return f"{text}({plain})" if key.descending or key.function else plain


def _literal(sql: str) -> str:
    """SQL as a Python string."""
    return indexes.literal(indexes.plainly(sql))


def _revision(head: Revision, name: str, candidate: Candidate, source: Source) -> NewFile:
    revision = blake2b(f"{head.name}{name}".encode(), digest_size=6).hexdigest()
    keys = [_key(key, "sa.text") for key in candidate.keys]
    args = [f'"{name}"', f'"{candidate.table}"', f"[{', '.join(keys)}]"]
    args += _held(candidate)
    if candidate.tests:
        args.append(f"postgresql_where=sa.text({_literal(candidate.predicate)})")
    schema = f'schema="{candidate.schema}"' if candidate.schema not in ("", "public") else ""
    scope = [schema] if schema else []
    create = lay_out(Call("op.create_index", (*args, *scope)), " " * 4, 4)
    dropped = (f'"{name}"', f'table_name="{candidate.table}"', *scope)
    drop = lay_out(Call("op.drop_index", dropped), " " * 4, 4)
    text = REVISION.format(
        title=candidate.summary.replace('"', ""),
        revision=revision,
        head=head.name,
        imports="import sqlalchemy as sa\n" * ("sa." in create),
        create=create,
        drop=drop,
    )
    return NewFile(f"{dirname(head.path)}/{revision}_{name}.py", text, revision, head.name)


REVISION = '''\
"""{title}

Revision ID: {revision}
Revises: {head}
"""

{imports}from alembic import op

revision = "{revision}"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    {create}


def downgrade() -> None:
    {drop}
'''
