"""The commit message of a fix: what it does, what it cures, and the proof."""

import textwrap

from unslow.lab.report import _phrases as say
from unslow.model import Fix, ReportedFinding

SUBJECT_COLUMNS = 72
BODY_COLUMNS = 72


def message(finding: ReportedFinding, fix: Fix) -> str:
    """A subject, the finding with its cause, the proof, and trailers for machines."""
    paragraphs = [
        fix.summary + ".",
        f"{say.title(finding)}. {_cause(finding)}".strip(),
        _proof(fix),
    ]
    body = "\n\n".join(_wrapped(text) for text in paragraphs if text)
    trailers = f"Unslow-Finding: {finding.id}\nUnslow-Fixer: {fix.fixer}"
    return f"{_subject(fix)}\n\n{body}\n\n{trailers}\n"


def _subject(fix: Fix) -> str:
    gain = ""
    if fix.proof.speedup:
        gain = f" (×{say.times(fix.proof.speedup.estimate)} {say.metric(fix.proof)})"
    words = fix.summary.replace("`", "")
    short = textwrap.shorten(words, SUBJECT_COLUMNS - len(gain), placeholder=" …")
    return short.removesuffix(": …") + gain


def _cause(finding: ReportedFinding) -> str:
    return f"The cause is {say.place(finding.cause)}." if finding.cause else ""


def _proof(fix: Fix) -> str:
    proof = fix.proof
    facts = []
    if proof.speedup:
        facts.append(
            f"{say.interval(proof.speedup)} {say.metric(proof)} per request "
            f"at {say.percent(proof.speedup.confidence)} confidence"
        )
    if proof.queries:
        facts.append(f"queries {say.counters(proof.queries)}")
    if say.evidence(proof):
        facts.append(say.evidence(proof))
    return f"Measured by unslow, {say.VERDICTS[proof.verdict]}: {'; '.join(facts)}."


def _wrapped(text: str) -> str:
    return textwrap.fill(text, BODY_COLUMNS, break_long_words=False, break_on_hyphens=False)
