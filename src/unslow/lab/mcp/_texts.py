"""The short text beside a structured answer: what a model reads first."""

from collections.abc import Iterator

from unslow.lab.mcp._answers import (
    Audited,
    Breach,
    Checked,
    Effect,
    Finding,
    Findings,
    Fix,
    Gain,
    Judgement,
)

SHOWN = 20  # lines of one kind; all are in the structured answer


def of_audit(found: Audited) -> str:
    lines = [
        f"{found.application}: {_counted(len(found.findings), 'finding')}"
        f" on {_counted(found.endpoints, 'endpoint')} in {found.seconds:.0f} s."
    ]
    for one in found.findings[:SHOWN]:
        lines += _summary(one)
    if found.total:
        lines.append(f"All kept fixes together: {_times(found.total)}.")
    if found.skipped:
        lines.append(f"Not exercised ({len(found.skipped)}), such as:")
        lines += [f"  {one}" for one in found.skipped[:5]]
    return "\n".join([*lines, found.next])


def of_findings(found: Findings) -> str:
    if not found.findings:
        return f"The audit of {found.audited_at} has no finding."
    return "\n\n".join("\n".join(_whole(one)) for one in found.findings)


def of_judgement(found: Judgement) -> str:
    lines = [f"{found.verdict}: {found.candidate} against {found.base}. {found.reason}"]
    lines += [f"  {_changed(one)}" for one in found.endpoints[:SHOWN] if one.speedup]
    if found.compared:
        lines.append(f"{found.equal} of {found.compared} answers are the same.")
    if found.first_difference not in found.reason:
        lines.append(f"First difference: {found.first_difference}")
    if found.only_in_base:
        lines.append(f"Only in the base: {', '.join(found.only_in_base)}")
    if found.only_in_candidate:
        lines.append(f"Only in the candidate: {', '.join(found.only_in_candidate)}")
    return "\n".join([*lines, *found.notes, *found.output, found.next])


def of_check(found: Checked) -> str:
    against = f" against {found.base}" if found.base else ""
    lines = [
        f"{'within budget' if found.passed else 'over budget'}:"
        f" {_counted(len(found.breaches), 'excess', 'es')}"
        f" on {_counted(found.endpoints, 'endpoint')}{against}."
    ]
    for breach in found.breaches[:SHOWN]:
        lines += _breach(breach)
    if found.open:
        lines.append(f"Not shown to be within their time: {', '.join(found.open)}")
    if found.unchecked:
        lines.append(f"Not exercised: {', '.join(found.unchecked)}")
    return "\n".join([*lines, found.next])


def _breach(one: Breach) -> Iterator[str]:
    unit = " % slower" if one.what == "time" else f" {one.what}"
    base = f", the base has {one.base:g}" if one.base is not None else ""
    yield f"  {one.endpoint}: {one.found:g}{unit}, {one.limit:g} allowed{base}"
    for statement in one.statements[:SHOWN]:
        cause = statement.cause
        place = f" ({cause.path}:{cause.line} in {cause.function})" if cause else ""
        yield f"    {_counted(statement.count, 'time')} {statement.shape}{place}"


def _summary(one: Finding) -> Iterator[str]:
    place = f" ({one.cause.path}:{one.cause.line} in {one.cause.function})" if one.cause else ""
    title = one.title.removesuffix(place)
    yield f"{one.number}. {one.kind}, {one.severity}: {title}{place}"
    yield f"   costs {one.ms_per_request:.1f} ms per request, {one.share:.0%} of all time"
    for fix in one.fixes:
        yield f"   {_proof(fix)}: {fix.summary}"


def _whole(one: Finding) -> Iterator[str]:
    yield from _summary(one)
    yield f"   endpoints: {', '.join(one.endpoints)}"
    if one.source:
        yield one.source
    for fix in one.fixes:
        if fix.diff:
            yield f"{fix.fixer} ({_proof(fix)}, {fix.safety}):"
            yield fix.diff


def _proof(fix: Fix) -> str:
    if not fix.diff and fix.verdict == "not-run":
        return "not measured"
    kept = "kept, " if fix.kept else ""
    gain = f" {_times(fix.speedup)}" if fix.speedup else ""
    return f"{kept}{fix.verdict}{gain}"


def _changed(one: Effect) -> str:
    queries = ""
    if one.queries_before is not None and one.queries_before != one.queries_after:
        queries = f", queries {one.queries_before:g} -> {one.queries_after:g}"
    gain = _times(one.speedup) if one.speedup else "not measured"
    return f"{one.endpoint}: {gain}{queries}"


def _times(gain: Gain) -> str:
    return f"{gain.estimate:.2f}x [{gain.low:.2f}, {gain.high:.2f}]"


def _counted(number: int, word: str, ending: str = "s") -> str:
    return f"{number} {word}{'' if number == 1 else ending}"
