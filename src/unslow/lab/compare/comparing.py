"""Runs both versions side by side and judges the change: gates, clock, replication, report."""

import fnmatch
import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random

import msgspec

from unslow import __version__
from unslow.errors import UnslowError, UsageError
from unslow.lab._observation import observe, prepare
from unslow.lab.compare import _statements
from unslow.lab.compare._options import Options
from unslow.lab.compare.versions import Versions
from unslow.lab.prove import Judged, judge_change, sql_change, traffic
from unslow.lab.prove.session import weights
from unslow.lab.target import Description, Lab, Running, Target
from unslow.lab.workload import Workload
from unslow.model import (
    SCHEMA_VERSION,
    Comparison,
    Environment,
    Flip,
    Noise,
    Report,
    Route,
    TargetInfo,
    Total,
    Verdict,
    Writes,
)
from unslow.progress import Progress

STATEMENTS_SHARE = 0.1  # of the budget, to flip what is SQL alone

_NAMED_GROUP = re.compile(r"\(\?P<\w+>")
_PARAMETER = re.compile(r"<[^<>]*>|\{[^{}]*\}")
_SILENT = frozenset({"HEAD", "OPTIONS"})


def compare(target: Target, versions: Versions, options: Options, progress: Progress) -> Report:
    """The report whose `comparison` holds the verdict on the candidate.

    A candidate that does not start, stops answering or answers differently is a verdict. Raises
    `UnslowError` when the base fails or nothing can be exercised.
    """
    started = time.monotonic()
    with Lab(target, progress, versions.base.patch) as lab:
        run = _Run(lab, versions, options, progress)
        report = run.report()
    return msgspec.structs.replace(report, seconds=round(time.monotonic() - started, 1))


@dataclass(frozen=True)
class _Run:
    lab: Lab
    versions: Versions
    options: Options
    progress: Progress

    def report(self) -> Report:
        workload, base = self._workload()
        try:
            candidate = self._describe_candidate()
        except UnslowError as error:
            return self._report(base, workload, _did_not_start(error))
        only_base, only_candidate = one_sided(base.routes, candidate.routes)
        workload = _without(workload, only_base)
        evidence = self._tried_statements(workload, base)
        share = 1 - STATEMENTS_SHARE * bool(self.versions.candidate.patch.sql)
        judged = judge_change(
            self.lab,
            workload,
            self.versions.candidate.patch,
            budget_s=self.options.budget_s * share,
            max_slowdown=self.options.max_slowdown,
            progress=self.progress,
            seed=self.options.seed,
            sign_in=self._sign_in,
            measure=self.options.measure,
        )
        judged = replace(judged, verdict=sql_change.backed(judged.verdict, evidence))
        return self._report(base, workload, judged, only_base, only_candidate)

    def _workload(self) -> tuple[Workload, Description]:
        """What the base answers, as far as the user wants it compared."""
        label = self.versions.base.label
        try:
            workload, base = prepare(
                self.lab, self.options.wanted, self.options.login, self.progress
            )
        except UsageError:
            raise
        except UnslowError as error:
            raise UnslowError(f"the base, {label}, does not run: {error}") from error
        return _chosen(workload, self.options.wanted.include), base

    def _describe_candidate(self) -> Description:
        self.progress.stage("start the candidate")
        patch = self.versions.candidate.patch
        tree = self.lab.tree([patch])
        running = self.lab.launch(tree, "candidate", record="light", sql=patch.sql)
        try:
            return running.describe()
        finally:
            running.stop()

    def _tried_statements(
        self, workload: Workload, base: Description
    ) -> tuple[Flip | None, tuple[Writes, ...]]:
        """Indexes and settings of the candidate, flipped under the reads of the workload."""
        patch = self.versions.candidate.patch
        if not patch.sql:
            return None, ()
        login, recorded = self.options.login, bool(self.options.wanted.recordings)
        trace = observe(self.lab, workload, base, login, lambda one, _: one, self.progress)
        with self.lab.databases() as databases:
            return sql_change.examine(
                databases,
                patch,
                _statements.settings_of(patch),
                traffic(trace.requests, weights(workload), recorded=recorded),
                budget_s=self.options.budget_s * STATEMENTS_SHARE,
                progress=self.progress,
                random=Random(self.options.seed),
            )

    def _sign_in(self, app: Running) -> Mapping[str, str]:
        return app.login(self.options.login) if self.options.login else {}

    def _report(
        self,
        base: Description,
        workload: Workload,
        judged: Judged,
        only_base: tuple[str, ...] = (),
        only_candidate: tuple[str, ...] = (),
    ) -> Report:
        comparison = Comparison(
            base=self.versions.base.label,
            candidate=self.versions.candidate.label,
            verdict=judged.verdict,
            files=self.versions.files,
            only_base=only_base,
            only_candidate=only_candidate,
            max_slowdown=self.options.max_slowdown,
            notes=(*self.versions.notes, *judged.notes),
            output=judged.output,
        )
        root = str(self.lab.target.root)
        return Report(
            schema=SCHEMA_VERSION,
            unslow=__version__,
            target=TargetInfo(base.kind, base.framework, base.database, root),
            environment=_environment(base, judged),
            endpoints=(),
            findings=(),
            skipped=workload.skipped,
            total=Total(judged.verdict.speedup, 0, 0, 0),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            comparison=comparison,
        )


def one_sided(
    base: Iterable[Route], candidate: Iterable[Route]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The endpoints that only one version has; a renamed parameter is the same endpoint."""
    ours, theirs = _endpoints(base), _endpoints(candidate)
    if not ours or not theirs:
        return (), ()
    return (
        tuple(name for key, name in ours.items() if key not in theirs),
        tuple(name for key, name in theirs.items() if key not in ours),
    )


def _endpoints(routes: Iterable[Route]) -> dict[str, str]:
    """`METHOD route` by the same without the names of its parameters."""
    return {
        f"{route.method} {_PARAMETER.sub('{}', _NAMED_GROUP.sub('(', route.route))}": (
            f"{route.method} {route.route}"
        )
        for route in routes
        if route.method not in _SILENT
    }


def _chosen(workload: Workload, globs: Iterable[str]) -> Workload:
    """The endpoints that --endpoint names; a recording may hold others."""
    wanted = tuple(globs)
    if not wanted:
        return workload
    names = [end for end in workload.endpoints if not _matches(end, wanted)]
    return _without(workload, names)


def _matches(endpoint: str, globs: Iterable[str]) -> bool:
    route = endpoint.partition(" ")[2]
    names = endpoint, route, "/" + route.lstrip("/")
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs for name in names)


def _without(workload: Workload, endpoints: Iterable[str]) -> Workload:
    gone = frozenset(endpoints)
    left = Workload(
        tuple(call for call in workload.calls if call.endpoint not in gone),
        tuple(call for call in workload.held_out if call.endpoint not in gone),
        workload.skipped,
        tuple(call for call in workload.compared if call.endpoint not in gone),
    )
    if not left.calls:
        raise UsageError(
            "no endpoint is left to compare: those that could be exercised are not among "
            f"--endpoint, or the candidate has them no more ({', '.join(sorted(gone)[:5])})"
        )
    return left


def _did_not_start(error: UnslowError) -> Judged:
    lines = [line for line in str(error).splitlines() if line.strip()]
    reason = f"it does not start: {lines[-1].strip() if lines else error}"
    return Judged(Verdict("failed", reason), output=tuple(lines))


def _environment(base: Description, judged: Judged) -> Environment:
    found = judged.calibration
    noise = None
    if found is not None:
        noise = Noise(found.noise, found.waiting_share, found.smallest_detectable, found.pairs)
    return Environment(len(os.sched_getaffinity(0)), base.python, noise)
