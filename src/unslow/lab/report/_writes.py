"""What flipping showed, in a line for the reads and a line for the writes of each index."""

from collections.abc import Iterator

from unslow.lab.report import _phrases as say
from unslow.model import Change, Flip, Verdict, WriteEffect, Writes


def lines(proof: Verdict) -> list[str]:
    """Nothing for what was not flipped."""
    found = [reads(proof.flip)] if proof.flip else []
    several = len(proof.writes) > 1
    found += [charged(one, named=several) for one in proof.writes]
    return [say.sentence(line) for line in found]


def reads(flip: Flip) -> str:
    """`reads: ×27.1 [25.0, 29.8], 12 → 0.45 ms a round, blocks 4 120 → 31, ...`."""
    changed = [one for one in flip.statements if not one.same_plan]
    if not changed:
        return f"reads: {say.count(len(flip.statements), 'statement')}, the same plan for each"
    parts = [say.interval(flip.speedup)] if flip.speedup else []
    parts += [
        f"{change(flip.ms)} ms a round",
        f"blocks {change(_total([one.blocks for one in changed]))}",
        f"rows thrown away {change(_total([one.rows_removed for one in changed]))}",
    ]
    if len(changed) < len(flip.statements):
        parts.append(f"{len(changed)} of {len(flip.statements)} plans change")
    return f"reads: {', '.join(parts)}"


def charged(writes: Writes, *, named: bool = False) -> str:
    """`writes: INSERT ×1.08 [1.02, 1.14], WAL +12 %; UPDATE of status ..., HOT 92 % → 0 %; ...`."""
    effects = [_effect(one) for one in writes.effects]
    missing = [f"not measured: {reason}" for reason in writes.unmeasured]
    size = f"{megabytes(writes.index_bytes)}, built in {say.number(writes.build_seconds)} s"
    round_ms = f"{say.number(writes.ms_per_round)} ms more a round" if writes.ms_per_round else ""
    head = f"writes of {writes.index}" if named else "writes"
    return f"{head}: {'; '.join(filter(None, (*effects, *missing, round_ms, size)))}"


def change(values: Change) -> str:
    return f"{say.number(values.before)} → {say.number(values.after)}"


def megabytes(size: int) -> str:
    if size < 1e6:
        return f"{size / 1e3:.0f} kB"
    return f"{size / 1e6:.1f} MB"


def _effect(effect: WriteEffect) -> str:
    return ", ".join(_parts(effect))


def _parts(effect: WriteEffect) -> Iterator[str]:
    what = effect.kind.upper()
    if effect.columns:
        what += f" of {', '.join(effect.columns)}"
    if not effect.observed:
        what += " (none observed)"
    yield f"{what} {say.interval(effect.slowdown)}" if effect.slowdown else what
    if effect.wal_bytes.before:
        more = effect.wal_bytes.after / effect.wal_bytes.before - 1
        yield f"WAL {'+' if more >= 0 else '-'}{say.percent(abs(more))}"
    if effect.hot is not None:
        yield f"HOT {say.percent(effect.hot.before)} → {say.percent(effect.hot.after)}"


def _total(values: list[Change]) -> Change:
    return Change(sum(one.before for one in values), sum(one.after for one in values))
