"""redis-pipeline: one MGET or one pipeline before the loop, in place of a command for each row."""

from collections.abc import Iterator

from unslow.lab.prescribe._keyed_calls import KeyedCall, is_from, keyed_call, mentions
from unslow.lab.prescribe._source import Source
from unslow.model import CacheEvidence, Finding, Patch, Recommendation

DETECTORS = frozenset({"repeated-cache-call"})
FIXER = "redis-pipeline"
OTHERS = ("django.core.cache",)  # clients with a method of their own for many keys
PIPED = frozenset(
    [
        "exists",
        "hgetall",
        "hlen",
        "hvals",
        "hkeys",
        "llen",
        "scard",
        "smembers",
        "strlen",
        "ttl",
        "pttl",
        "type",
        "zcard",
    ]
)
SUMMARY = "Send the commands of all rows together: mget, or a pipeline"
WRITES = "the command writes, and its answer may matter to the next one"
UNKNOWN = "that the client is redis-py's is not plain to see"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for a command of redis-py with a key alone, in a loop."""
    if not isinstance(finding.evidence, CacheEvidence) or finding.cause is None:
        return
    found = keyed_call(finding.cause, source)
    if isinstance(found, str):
        yield Recommendation(FIXER, SUMMARY, found)
    elif not any(is_from(found.module, found.client, package) for package in OTHERS):
        written = _written(found, source)
        yield Recommendation(FIXER, SUMMARY, written) if isinstance(written, str) else written


def _written(found: KeyedCall, source: Source) -> Patch | str:
    if found.rest or found.method not in PIPED | {"get"}:
        return WRITES
    if not mentions(found.module, found.client, "redis", source):
        return UNKNOWN
    name = found.loop.free_name("cached", "cached_values", "found_by_key")
    keys = found.loop.free_name("keys", "cache_keys")
    if name is None or keys is None or found.rows.name in (name, keys):
        return "there is no free name for the values"
    write = _mget if found.method == "get" else _pipeline
    text = write(found, name, keys)
    if text is None:
        return "there is no free name for the pipeline"
    value = f"{name}[{found.written_key}]"
    edits = [*found.before(text), found.module.replace(found.node, value)]
    sent = "mget" if found.method == "get" else "a pipeline"
    summary = f"Read all values before the loop: {sent}"
    return Patch(FIXER, summary, "review", tuple(edits), metric="wall")


def _mget(found: KeyedCall, name: str, keys: str) -> str:
    """MGET of no key is an error."""
    asked = f"{'await ' * found.awaited}{found.module.text(found.client)}.mget({keys})"
    values = f"dict(zip({keys}, {asked}))"
    return f"{keys} = {found.keys}\n{name} = {values} if {keys} else {{}}"


def _pipeline(found: KeyedCall, name: str, keys: str) -> str | None:
    pipe = found.loop.free_name("pipe", "pipeline")
    key = found.loop.free_name("key", "cache_key")
    if pipe is None or key is None:
        return None
    client = found.module.text(found.client)
    return "\n".join(
        (
            f"{keys} = {found.keys}",
            f"{pipe} = {client}.pipeline(transaction=False)",
            f"for {key} in {keys}:",
            f"    {pipe}.{found.method}({key})",
            f"{name} = dict(zip({keys}, {'await ' * found.awaited}{pipe}.execute()))",
        )
    )
