"""Audits what a test suite sends: replayed on the clone, and as the tests themselves ran it."""

import tempfile
from dataclasses import replace
from pathlib import Path

import msgspec

from unslow.errors import UnslowError
from unslow.lab import pipeline, traces
from unslow.lab.pipeline import Audited, Options
from unslow.lab.target import Target
from unslow.lab.workload import from_tests
from unslow.lab.workload.from_tests import FromTests
from unslow.model import Report
from unslow.progress import Progress

# What counts of statements show, whatever rows a test has made, and in whichever database.
SHOWN_BY_TESTS = frozenset({"repeated-query", "row-by-row-write"})


def audit(words: str, target: Target, options: Options, progress: Progress) -> Audited:
    """Audit the requests of the tests that `pytest WORDS` runs.

    Those that the clone answers as they were answered in the tests are replayed there, and their
    fixes proven. What the tests' own runs show besides is added without a proof. Raises as
    `unslow.lab.workload.from_tests.run` does.
    """
    with tempfile.TemporaryDirectory(prefix="unslow-tests-") as name:
        seen = from_tests.run(words, target, Path(name), progress)
        report = _of_tests(seen)
        try:
            replayed = _replayed(seen, target, options, progress)
        except UnslowError as error:
            progress.note(f"Nothing is replayed, so nothing is proven: {error}")
            return Audited(report, seen.trace)
    return Audited(_joined(replayed.report, report), replayed.trace)


def _replayed(seen: FromTests, target: Target, options: Options, progress: Progress) -> Audited:
    if not seen.recording.stat().st_size:
        raise UnslowError("no request of the tests was answered well")
    wanted = replace(options.wanted, recordings=(seen.recording,))
    return pipeline.audit(target, replace(options, wanted=wanted), progress)


def _of_tests(seen: FromTests) -> Report:
    """The findings that hold whatever data a test has made."""
    report = pipeline.diagnose_only(seen.trace, traces.reader(seen.trace, Path.cwd()))
    kept = tuple(one for one in report.findings if one.id in SHOWN_BY_TESTS)
    target = msgspec.structs.replace(report.target, root=seen.trace.roots[0])
    return msgspec.structs.replace(report, findings=kept, target=target)


def _joined(report: Report, of_tests: Report) -> Report:
    """The audit, and what only the tests have shown."""
    known = {(one.id, one.cause) for one in report.findings}
    more = tuple(one for one in of_tests.findings if (one.id, one.cause) not in known)
    names = {(one.method, one.route) for one in report.endpoints}
    others = tuple(one for one in of_tests.endpoints if (one.method, one.route) not in names)
    return msgspec.structs.replace(
        report, findings=(*report.findings, *more), endpoints=(*report.endpoints, *others)
    )
