"""django-get-many: one `cache.get_many(keys)` before the loop, in place of a `get` for each row."""

from collections.abc import Iterator

from unslow.lab.prescribe._keyed_calls import KeyedCall, is_from, keyed_call
from unslow.lab.prescribe._source import Source
from unslow.model import CacheEvidence, Finding, Patch, Recommendation

DETECTORS = frozenset({"repeated-cache-call"})
FIXER = "django-get-many"
PACKAGE = "django.core.cache"
MANY = {"get": "get_many", "aget": "aget_many"}


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for a `cache.get(key)` or `cache.get(key, default)` in a loop."""
    if not isinstance(finding.evidence, CacheEvidence) or finding.cause is None:
        return
    found = keyed_call(finding.cause, source)
    if isinstance(found, str) or not is_from(found.module, found.client, PACKAGE):
        return
    if found.method not in MANY or len(found.rest) > 1:
        return
    written = _patch(found)
    yield written or Recommendation(
        FIXER,
        "Ask for all keys at once: cache.get_many(keys)",
        "there is no free name for the values",
    )


def _patch(found: KeyedCall) -> Patch | None:
    name = found.loop.free_name("cached", "cached_values", "found_by_key")
    if name is None or name == found.rows.name:
        return None
    client = found.module.text(found.client)
    asked = f"{'await ' * found.awaited}{client}.{MANY[found.method]}({found.keys})"
    value = f"{name}.get({', '.join((found.written_key, *found.rest))})"
    edits = [
        *found.before(f"{name} = {asked}"),
        found.module.replace(found.node, value),
    ]
    summary = f"Read all values before the loop: {client}.{MANY[found.method]}"
    return Patch(FIXER, summary, "review", tuple(edits), metric="wall")
