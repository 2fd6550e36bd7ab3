"""Take eager loads out of a real application, one at a time, and let unslow put them back.

`python -m benchmarks.field.mutants --app pretix --budget 30m`. A mutant counts when a request of
the recording sends more statements without the eager load and answers the same. What was done
stands in a file of JSON lines, and a second run goes on where the first stopped.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.field import _indexes as indexes
from benchmarks.field import _mutations as mutations
from benchmarks.field._application import CACHE, Ready, audit_command
from benchmarks.field._indexes import Index
from benchmarks.field._mutations import Mutation
from benchmarks.field._screening import Answer, paths, served, switches
from unslow.errors import UnslowError
from unslow.lab.patching import apply
from unslow.model import IndexEvidence, Patch, RepeatedLoad, RepeatEvidence, Report, Site
from unslow.model.report import ReportedFinding

APPLICATIONS = ("argus", "pretix", "airflow")
AUDIT_S = 900.0
FEW = 5  # statements more; below it no list is read row by row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", choices=APPLICATIONS, required=True)
    parser.add_argument("--budget", default="30m", help="seconds, or 30m")
    parser.add_argument("--python", default="python3.12")
    parser.add_argument("--results", type=Path, help="the file of JSON lines")
    parser.add_argument("--no-prove", action="store_true", help="count statements, measure no time")
    parser.add_argument("--again", action="store_true", help="audit again what was not restored")
    options = parser.parse_args()
    folder = CACHE / options.app
    results = Results(options.results or folder / "mutants.jsonl", options.again)
    end = time.monotonic() + _seconds(options.budget)
    application = import_module(f"benchmarks.field.{options.app}.run")
    with application.prepared(folder, options.python) as ready:
        run = Run(ready, folder, results, end, prove=not options.no_prove)
        run.screen()
        run.audit()
        run.audit_indexes()
    print(results.summary())
    return 0


class Results:
    """The JSON lines: what is known of each mutant, the last line of one wins."""

    def __init__(self, file: Path, again: bool) -> None:
        self.file = file
        self.known: dict[str, dict[str, Any]] = {}
        for line in file.read_text().splitlines() if file.exists() else ():
            entry = json.loads(line)
            self.known[entry["key"]] = entry
        for entry in self.known.values():
            if again and entry.get("verdict") not in (None, "restored", "proven"):
                del entry["verdict"]

    def add(self, entry: dict[str, Any]) -> None:
        self.known[entry["key"]] = entry
        with self.file.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def valid(self) -> list[dict[str, Any]]:
        found = [entry for entry in self.known.values() if entry.get("worse")]
        return sorted(found, key=_extra, reverse=True)

    def summary(self) -> str:
        valid = self.valid()
        lists = [entry for entry in valid if _extra(entry) >= FEW]
        few = [entry for entry in valid if _extra(entry) < FEW]
        screened = sum("worse" in entry for entry in self.known.values())
        lines = [f"{screened} eager loads reached by the recording, {len(valid)} of them mutants"]
        lines += [_counted(f"{FEW} statements or more", lists), _counted("fewer", few)]
        lines.append(_counted("indexes", [e for e in self.known.values() if "costs" in e]))
        return "\n".join(lines)


def _extra(entry: Mapping[str, Any]) -> int:
    return max((after - before for before, after in entry["worse"].values()), default=0)


def _counted(name: str, entries: Sequence[Mapping[str, Any]]) -> str:
    audited = [entry for entry in entries if "verdict" in entry]
    verdicts = Counter(entry["verdict"] for entry in audited)
    exact = sum(bool(entry.get("exact")) for entry in audited)
    found = sum(bool(entry.get("found")) for entry in audited)
    told = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    return (
        f"  {name}: {len(entries)} mutants, {len(audited)} audited: {found} found, "
        f"{exact} with the exact cause; {told}"
    )


class Run:
    """One application, ready to be served with other sources."""

    def __init__(
        self, ready: Ready, folder: Path, results: Results, end: float, *, prove: bool
    ) -> None:
        self.ready, self.results, self.end, self.prove = ready, results, end, prove
        self.folder = folder / "mutants"
        self.sources = self.folder / "sources" / ready.package.name
        self.instrumented = self.folder / "instrumented" / ready.package.name
        for target in (self.sources, self.instrumented):
            target.parent.mkdir(parents=True, exist_ok=True)
            mutations.copy(ready.package, target)
        found = mutations.instrument(self.instrumented)
        self.mutations = {mutation.key: mutation for mutation in found}
        self.asked: dict[str, Answer] = {}
        self.known: set[str] = set()

    def screen(self) -> None:
        """Switch each eager load off where it is reached, and compare answers and statements."""
        steered = switches(self.folder)
        with served(self.ready, self.instrumented.parent, steered) as server:
            at_start = steered.ran()
            for path in paths(self.ready):
                with contextlib.suppress(OSError):  # one that hangs is left out
                    first, second = server.ask(path), server.ask(path)
                    if first.status == 200 and first.agrees(second):
                        self.asked[path] = second
            for mutation in self.mutations.values():
                concerned = [p for p, one in self.asked.items() if mutation.number in one.reached]
                if self._is_done(mutation, concerned):
                    continue
                steered.turn_off(mutation.number)
                answers = {path: server.ask(path) for path in concerned}
                steered.turn_off(0)
                for path in [p for p in concerned if not answers[p].agrees(self.asked[p])]:
                    if not server.ask(path).agrees(self.asked[path]):  # it changes by itself
                        del self.asked[path], answers[path]
                self._screened(mutation, answers)
        for mutation in self.mutations.values():
            if mutation.number in at_start and not self._is_done(mutation, self.asked):
                steered.turn_off(mutation.number)
                with served(self.ready, self.instrumented.parent, steered) as server:
                    self._screened(mutation, {path: server.ask(path) for path in self.asked})
                steered.turn_off(0)

    def _is_done(self, mutation: Mutation, concerned: Iterable[str]) -> bool:
        over = time.monotonic() > self.end
        return over or not list(concerned) or "worse" in self.results.known.get(mutation.key, {})

    def _screened(self, mutation: Mutation, answers: Mapping[str, Answer]) -> None:
        before = self.asked
        equal = all(answer.agrees(before[path]) for path, answer in answers.items())
        worse = {
            path: (before[path].statements, answer.statements)
            for path, answer in answers.items()
            if answer.statements > before[path].statements
        }
        self.results.add(
            {
                "key": mutation.key,
                "function": mutation.function,
                "text": mutation.text,
                "worse": worse if equal else {},
                "equal": equal,
            }
        )

    def audit(self) -> None:
        """Cut each mutant's eager load out, audit the calls that it slows, and judge the report."""
        valid = [entry for entry in self.results.valid() if entry["key"] in self.mutations]
        print(f"{len(valid)} mutants", flush=True)
        self.known = self._known()
        for entry in valid:
            if "verdict" in entry or time.monotonic() > self.end:
                continue
            judged = {**entry, **self._judge(self.mutations[entry["key"]], entry["worse"])}
            self.results.add(judged)
            more = _extra(entry)
            print(
                f"{judged['verdict']:9} {'exact' if judged['exact'] else '     '} {more:+5} "
                f"{entry['key']} {entry['function']} {entry['text'][:60]} {judged['reason']}",
                flush=True,
            )

    def audit_indexes(self) -> None:
        """Drop each index that spares a request half its plans' cost, and audit that request."""
        asked = {path: indexes.statements(answer.log) for path, answer in self.asked.items()}
        for index, worse in indexes.worse(self.ready.dsn, asked):
            entry = self.results.known.get(index.key, {})
            if not worse or "verdict" in entry or time.monotonic() > self.end:
                continue
            with indexes.without(self.ready.dsn, index):
                report, said = self._report(worse, None)
            judged = _index_verdict(report, index) if report else {"verdict": "failed"}
            text = f"{index.table}({index.column})"
            self.results.add({"key": index.key, "text": text, "costs": worse, **judged})
            print(f"{judged['verdict']:9} {index.key} {text} {said}", flush=True)

    def _judge(self, mutation: Mutation, worse: Mapping[str, Sequence[int]]) -> dict[str, Any]:
        original = (self.ready.package.parent / mutation.path).read_bytes()
        file = self.sources.parent / mutation.path
        file.write_bytes(mutation.cut(original))
        try:
            report, said = self._report(worse, mutation)
            if report is None:
                return {"verdict": "failed", "found": False, "exact": False, "reason": said}
            return self._verdict(report, mutation, worse)
        finally:
            self._restore()

    def _known(self) -> set[str]:
        """What the recording repeats in the unchanged application."""
        kept = self.folder / "unchanged.json"
        if not kept.exists():
            report, said = self._report(self.asked, None)
            if report is None:
                raise RuntimeError(said)
            kept.write_bytes(msgspec.json.encode(report))
        report = msgspec.json.decode(kept.read_bytes(), type=Report)
        return {key for finding in report.findings for key in keys(finding)}

    def _report(
        self, concerned: Iterable[str], mutation: Mutation | None
    ) -> tuple[Report | None, str]:
        traffic = self.folder / "traffic.jsonl"
        traffic.write_text("".join(json.dumps({"path": path}) + "\n" for path in concerned))
        output = self.folder / "report.json"
        output.unlink(missing_ok=True)
        extra = ["--json", str(output)]
        proves = self.prove and mutation is not None
        extra += ["--time-budget", "2m"] if proves else ["--no-prove"]
        path = self.ready.environment.get("PYTHONPATH", "")
        environment = {
            **self.ready.environment,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(self.sources.parent), path))),
        }
        command = audit_command(replace(self.ready, traffic=traffic), extra)
        try:
            done = subprocess.run(
                command,
                env=environment,
                cwd=self.ready.folder,
                capture_output=True,
                text=True,
                timeout=AUDIT_S,
            )
        except subprocess.TimeoutExpired:
            return None, "the audit took too long"
        if not output.exists():
            return None, (done.stderr or done.stdout).strip()[-500:]
        return msgspec.json.decode(output.read_bytes(), type=Report), ""

    def _verdict(
        self,
        report: Report,
        mutation: Mutation,
        worse: Mapping[str, Sequence[int]],
    ) -> dict[str, Any]:
        new = [finding for finding in report.findings if keys(finding) - self.known]
        exact = any(is_cause(finding.cause, mutation) for finding in new)
        said = {"found": bool(new), "exact": exact, "cause": _places(new)}
        if not new:
            return {**said, "verdict": "missed", "reason": "no finding"}
        fixes = [fix for finding in new for fix in finding.fixes if fix.edits or fix.files]
        if not fixes:
            return {**said, "verdict": "advised", "reason": "no patch"}
        reason = ""
        for fix in fixes:
            reason = self._restored(Patch("", "", "safe", fix.edits, fix.files), mutation, worse)
            if not reason:
                proven = fix.proof.verdict == "proven"
                told = "" if proven or not self.prove else fix.proof.verdict
                return {**said, "verdict": "proven" if proven else "restored", "reason": told}
        return {**said, "verdict": "patched", "reason": reason}

    def _restored(
        self, patch: Patch, mutation: Mutation, worse: Mapping[str, Sequence[int]]
    ) -> str:
        """Why the patched application is not as good as before the mutation; "" when it is."""
        parent = self.sources.parent
        try:
            changed = apply([patch], lambda path: (parent / path).read_bytes())
            for path, content in changed.items():
                (parent / path).parent.mkdir(parents=True, exist_ok=True)
                (parent / path).write_bytes(content)
            with served(self.ready, parent) as server:
                answers = {path: server.ask(path) for path in worse}
        except (OSError, RuntimeError, UnslowError) as error:
            return str(error)[-300:]
        finally:
            self._restore()
            (parent / mutation.path).write_bytes(
                mutation.cut((self.ready.package.parent / mutation.path).read_bytes())
            )
        for path, answer in answers.items():
            if not answer.agrees(self.asked[path]):
                return f"{path} answers something else"
            before, after = worse[path]
            # A join may become a query of its own, which costs one, and one for each relation.
            if answer.statements - before > max(2, (after - before) // 4):
                return f"{path} sends {answer.statements} statements, {before} before"
        return ""

    def _restore(self) -> None:
        """Every source as the package has it."""
        for file in self.sources.rglob("*.py"):
            original = self.ready.package / file.relative_to(self.sources)
            if not original.exists():
                file.unlink()
            elif original.stat().st_size != file.stat().st_size or (
                original.read_bytes() != file.read_bytes()
            ):
                file.write_bytes(original.read_bytes())


def _index_verdict(report: Report, index: Index) -> dict[str, Any]:
    """Restored: an index is proposed that begins with the same column."""
    verdict = {"verdict": "missed", "found": False, "exact": False}
    for finding in report.findings:
        if not isinstance(found := finding.evidence, IndexEvidence) or found.table != index.table:
            continue
        columns = {name.lstrip("-") for name in (*found.equality, *found.ranges, *found.order)}
        if index.column in columns:
            written = any(fix.edits or fix.files or fix.sql for fix in finding.fixes)
            return {"verdict": "restored" if written else "advised", "found": True, "exact": True}
    return verdict


def is_cause(cause: Site | None, mutation: Mutation) -> bool:
    """Whether the finding points into the chain that the eager load stood in."""
    if cause is None or not cause.path.endswith(mutation.path):
        return False
    removed = mutation.last_line  # lines after the cut have moved up by at most its own
    return bool(cause.line <= removed and cause.end_line >= mutation.first_line)


def loads(finding: ReportedFinding) -> tuple[RepeatedLoad, ...]:
    return finding.evidence.loads if isinstance(finding.evidence, RepeatEvidence) else ()


def keys(finding: ReportedFinding) -> set[str]:
    """What it repeats, and where: by endpoint, model, relations and statement."""
    return {
        " ".join(
            (endpoint, one.load.parent if one.load else "", *one.relation_path, one.fingerprint)
        )
        for endpoint in finding.endpoints
        for one in loads(finding)
    }


def _places(findings: Sequence[ReportedFinding]) -> list[str]:
    causes = [finding.cause for finding in findings if finding.cause]
    return [f"{cause.path}:{cause.line}" for cause in causes]


def _seconds(text: str) -> float:
    factor = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:])
    return float(text[:-1]) * factor if factor else float(text)


if __name__ == "__main__":
    sys.exit(main())
