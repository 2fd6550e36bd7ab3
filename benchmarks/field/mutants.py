"""Take eager loads out of a real application, one at a time, and let unslow put them back.

`python -m benchmarks.field.mutants --app pretix --budget 30m`. A mutant counts when a request of
the recording sends more statements without the eager load and answers the same. What was done
stands in a file of JSON lines, and a second run goes on where the first stopped.
"""

import argparse
import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.field import _indexes as indexes
from benchmarks.field import _mutations as mutations
from benchmarks.field._application import CACHE, Ready
from benchmarks.field._auditing import Audits, Case, unchanged
from benchmarks.field._indexes import Index
from benchmarks.field._mutations import Mutation
from benchmarks.field._screening import Answer, calls, line, served, switches
from unslow.errors import UnslowError
from unslow.lab.patching import apply
from unslow.model import IndexEvidence, Patch, Site
from unslow.progress import Silent

APPLICATIONS = ("argus", "pretix", "airflow")
FEW = 5  # statements more; below it no list is read row by row
AT_ONCE = 8  # mutants in one proof: more would take longer to gate than to measure


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", choices=APPLICATIONS, required=True)
    parser.add_argument("--budget", default="30m", help="seconds, or 30m")
    parser.add_argument("--python", default="python3.12")
    parser.add_argument("--results", type=Path, help="the file of JSON lines")
    parser.add_argument("--proof", default="3m", help="for a group of mutants; 0 measures no time")
    parser.add_argument("--indexes", action="store_true", help="drop indexes, not eager loads")
    parser.add_argument("--again", action="store_true", help="audit again what was not restored")
    parser.add_argument("--only", nargs="*", default=[""], help="screened mutants with such a key")
    options = parser.parse_args()
    folder = CACHE / options.app
    results = Results(options.results or folder / "mutants.jsonl", options.again)
    end = time.monotonic() + _seconds(options.budget)
    application = import_module(f"benchmarks.field.{options.app}.run")
    with application.prepared(folder, options.python) as ready:
        run = Run(ready, folder, results, end, proof_s=_seconds(options.proof))
        run.choose(options.only)
        run.screen()
        if options.indexes:
            run.audit_indexes()
        else:
            run.audit()
    print(results.summary())
    return 0


class Results:
    """The JSON lines: what is known of each mutant, the last line of one wins."""

    def __init__(self, file: Path, again: bool) -> None:
        self.file = file
        self.known: dict[str, dict[str, Any]] = {}
        for text in file.read_text().splitlines() if file.exists() else ():
            entry = json.loads(text)
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
        self, ready: Ready, folder: Path, results: Results, end: float, *, proof_s: float
    ) -> None:
        self.ready, self.results, self.end, self.proof_s = ready, results, end, proof_s
        self.folder = folder / "mutants"
        self.sources = self.folder / "sources" / ready.package.name
        self.instrumented = self.folder / "instrumented" / ready.package.name
        for target in (self.sources, self.instrumented):
            target.parent.mkdir(parents=True, exist_ok=True)
            mutations.copy(ready.package, target)
        found = mutations.instrument(self.instrumented)
        self.mutations = {mutation.key: mutation for mutation in found}
        self.calls = {call.path: call for call in calls(ready)}
        self.asked: dict[str, Answer] = {}

    def choose(self, texts: Sequence[str]) -> None:
        """Keep to screened mutants whose key has one of the texts, and to their calls."""
        if texts == [""]:
            return
        chosen = [e for e in self.results.valid() if any(text in e["key"] for text in texts)]
        wanted = {path for entry in chosen for path in entry["worse"]}
        self.calls = {path: call for path, call in self.calls.items() if path in wanted}
        keys = {entry["key"] for entry in chosen}
        self.mutations = {key: one for key, one in self.mutations.items() if key in keys}

    def screen(self) -> None:
        """Switch each eager load off where it is reached, and compare answers and statements."""
        steered = switches(self.folder)
        with served(self.ready, self.instrumented.parent, steered) as server:
            at_start = steered.ran()
            for path, call in self.calls.items():
                with contextlib.suppress(OSError):  # one that hangs is left out
                    first, second = server.ask(call), server.ask(call)
                    if first.status == 200 and first.agrees(second):
                        self.asked[path] = second
                    else:
                        print(f"left out: {first.status} {path}", flush=True)
            for mutation in self.mutations.values():
                concerned = [p for p, one in self.asked.items() if mutation.number in one.reached]
                if self._is_done(mutation, concerned):
                    continue
                steered.turn_off(mutation.number)
                answers = {path: server.ask(self.calls[path]) for path in concerned}
                steered.turn_off(0)
                for path in [p for p in concerned if not answers[p].agrees(self.asked[p])]:
                    if not server.ask(self.calls[path]).agrees(self.asked[path]):
                        del self.asked[path], answers[path]  # it changes by itself
                self._screened(mutation, answers)
        for mutation in self.mutations.values():
            if mutation.number in at_start and not self._is_done(mutation, self.asked):
                steered.turn_off(mutation.number)
                with served(self.ready, self.instrumented.parent, steered) as server:
                    answers = {path: server.ask(self.calls[path]) for path in self.asked}
                    self._screened(mutation, answers)
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
        """Cut eager loads out, audit the calls that need them, and judge what is found.

        Those that share no endpoint are cut out together: each endpoint misses one alone.
        """
        valid = [entry for entry in self.results.valid() if entry["key"] in self.mutations]
        print(f"{len(valid)} mutants", flush=True)
        open_ones = [entry for entry in valid if self._is_open(entry)]
        if not open_ones:
            return
        recording = self.folder / "recording.jsonl"
        recording.write_text("".join(line(self.calls[path]) for path in self.asked))
        audits = unchanged(self.ready, recording, Silent())
        for group in self._groups(audits, open_ones):
            if time.monotonic() > self.end:
                break
            started = time.monotonic()
            judged = self._judged(audits, group)
            for entry in judged:
                self.results.add(entry)
                print(_told(entry), flush=True)
            print(f"{len(group)} in {time.monotonic() - started:.0f} s", flush=True)

    def _is_open(self, entry: Mapping[str, Any]) -> bool:
        """What was restored without a measurement is audited again when there is time for one."""
        unproven = entry.get("verdict") == "restored" and not entry.get("proof_s")
        return "verdict" not in entry or (self.proof_s > 0 and unproven)

    def _groups(
        self, audits: Audits, entries: Sequence[dict[str, Any]]
    ) -> list[list[dict[str, Any]]]:
        """Those that no request meets two of, the largest first."""
        groups: list[tuple[set[str], list[dict[str, Any]]]] = []
        for entry in entries:
            number = self.mutations[entry["key"]].number
            reached = {audits.endpoint(p) for p, one in self.asked.items() if number in one.reached}
            reached |= {audits.endpoint(path) for path in entry["worse"]}
            most = AT_ONCE if self.proof_s else len(entries)
            home = next(
                (one for one in groups if one[0].isdisjoint(reached) and len(one[1]) < most), None
            )
            if home is None:
                groups.append((reached, [entry]))
            else:
                home[0].update(reached)
                home[1].append(entry)
        return [group for _, group in groups]

    def _judged(self, audits: Audits, group: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        cuts = [self.mutations[entry["key"]] for entry in group]
        concerned = [{audits.endpoint(path) for path in entry["worse"]} - {""} for entry in group]
        self._cut(cuts)
        try:
            cases = audits.audit(self.sources.parent, frozenset().union(*concerned), self.proof_s)
            mine = [
                [case for case in cases if ends.intersection(case.finding.endpoints)]
                for ends in concerned
            ]
            reasons = self._restored(cuts, group, mine)
        except (OSError, RuntimeError, UnslowError) as error:
            failed = {"verdict": "failed", "found": False, "exact": False}
            return [{**entry, **failed, "reason": str(error)[-500:]} for entry in group]
        finally:
            self._restore()
        return [
            {**entry, **self._verdict(own, cuts, cut, reason)}
            for entry, own, cut, reason in zip(group, mine, cuts, reasons, strict=True)
        ]

    def _verdict(
        self, cases: Sequence[Case], cuts: Sequence[Mutation], cut: Mutation, reason: str | None
    ) -> dict[str, Any]:
        causes = [case.finding.cause for case in cases]
        exact = any(is_cause(cause, cut, cuts, self.ready.package.parent) for cause in causes)
        said = {
            "found": bool(cases),
            "exact": exact,
            "proof_s": self.proof_s,
            "cause": [f"{one.path}:{one.line}" for one in causes if one],
            "proofs": [
                f"{fix.patch.fixer} {fix.verdict.verdict} {fix.verdict.reason}"[:300]
                for case in cases
                for fix in case.fixes
            ],
            "advice": [text[:300] for case in cases for text in case.advice],
        }
        if not cases:
            return {**said, "verdict": "missed", "reason": "no finding"}
        if not any(case.fixes for case in cases):
            return {**said, "verdict": "advised", "reason": "no patch"}
        if reason:
            return {**said, "verdict": "patched", "reason": reason}
        proven = any(fix.proven for case in cases for fix in case.chosen())
        return {**said, "verdict": "proven" if proven else "restored", "reason": ""}

    def _restored(
        self,
        cuts: Sequence[Mutation],
        group: Sequence[dict[str, Any]],
        cases: Sequence[Sequence[Case]],
    ) -> list[str | None]:
        """Why each is not as good as before with its patches, of rivals the proven or else the
        first one; "" when it is, None without a patch."""
        chosen = {id(case): case.chosen() for own in cases for case in own}
        patches = [fix.patch for fixes in chosen.values() for fix in fixes]
        parent = self.sources.parent
        try:
            changed = apply(patches, lambda path: (parent / path).read_bytes())
        except UnslowError:
            changed = self._one_by_one(patches)
        for path, content in changed.items():
            (parent / path).parent.mkdir(parents=True, exist_ok=True)
            (parent / path).write_bytes(content)
        wanted = [path for entry in group for path in entry["worse"]]
        with served(self.ready, parent) as server:
            answers = {path: server.ask(self.calls[path]) for path in wanted}
        return [
            self._as_before(entry["worse"], answers) if any(one.fixes for one in own) else None
            for entry, own in zip(group, cases, strict=True)
        ]

    def _one_by_one(self, patches: Sequence[Patch]) -> dict[str, bytes]:
        """As many of the patches as go together."""
        parent = self.sources.parent
        kept: list[Patch] = []
        changed: dict[str, bytes] = {}
        for patch in patches:
            with contextlib.suppress(UnslowError):
                changed = apply([*kept, patch], lambda path: (parent / path).read_bytes())
                kept.append(patch)
        return changed

    def _as_before(self, worse: Mapping[str, Sequence[int]], answers: Mapping[str, Answer]) -> str:
        for path, (before, after) in worse.items():
            answer = answers[path]
            if not answer.agrees(self.asked[path]):
                return f"{path} answers something else ({answer.status})"
            # A join may become a query of its own, which costs one, and one for each relation.
            if answer.statements - before > max(2, (after - before) // 4):
                return f"{path} sends {answer.statements} statements, {before} before"
        return ""

    def audit_indexes(self) -> None:
        """Drop each index that spares a request half its plans' cost, and audit that request."""
        asked = {path: indexes.statements(answer.log) for path, answer in self.asked.items()}
        recording = self.folder / "recording.jsonl"
        recording.write_text("".join(line(self.calls[path]) for path in self.asked))
        audits = None
        for index, worse in indexes.worse(self.ready.dsn, asked):
            entry = self.results.known.get(index.key, {})
            if not worse or "verdict" in entry or time.monotonic() > self.end:
                continue
            audits = audits or unchanged(self.ready, recording, Silent())
            endpoints = {audits.endpoint(path) for path in worse} - {""}
            try:
                with indexes.without(self.ready.dsn, index):
                    cases = audits.audit_indexes(endpoints, self.proof_s)
                judged = _index_verdict(cases, index)
            except (OSError, UnslowError) as error:
                judged = {"verdict": "failed", "reason": str(error)[-300:]}
            text = f"{index.table}({index.column})"
            self.results.add({"key": index.key, "text": text, "costs": worse, **judged})
            print(f"{judged['verdict']:9} {index.key} {text}", flush=True)

    def _cut(self, cuts: Sequence[Mutation]) -> None:
        for path in {cut.path for cut in cuts}:
            source = (self.ready.package.parent / path).read_bytes()
            for cut in sorted(cuts, key=lambda one: -one.start):
                source = cut.cut(source) if cut.path == path else source
            (self.sources.parent / path).write_bytes(source)

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


def _told(entry: Mapping[str, Any]) -> str:
    exact = "exact" if entry["exact"] else "     "
    return (
        f"{entry['verdict']:9} {exact} {_extra(entry):+5} {entry['key']} {entry['function']} "
        f"{entry['text'][:60]} {entry['reason']}"
    )


def _index_verdict(cases: Sequence[Case], index: Index) -> dict[str, Any]:
    """Restored: an index is proposed that begins with the same column."""
    verdict = {"verdict": "missed", "found": False, "exact": False, "reason": "no finding"}
    for case in cases:
        found = case.finding.evidence
        if not isinstance(found, IndexEvidence) or found.table != index.table:
            continue
        columns = {name.lstrip("-") for name in (*found.equality, *found.ranges, *found.order)}
        if index.column in columns:
            proofs = [f"{fix.patch.fixer} {fix.verdict.verdict}" for fix in case.fixes]
            how = "proven" if case.fixes and case.fixes[0].proven else "restored"
            how = how if case.fixes else "advised"
            return {"verdict": how, "found": True, "exact": True, "proofs": proofs, "reason": ""}
    return verdict


def is_cause(cause: Site | None, cut: Mutation, cuts: Sequence[Mutation], package: Path) -> bool:
    """Whether the finding points into the chain that the eager load stood in, or to another
    step of it in the same function (`rows = ...; rows = rows.prefetch_related(...)`)."""
    if cause is None or not cause.path.endswith(cut.path):
        return False
    source = (package / cut.path).read_bytes()

    def moved(line: int) -> int:
        """Where a line is when all that was cut out above it is gone."""
        above = [one for one in cuts if one.path == cut.path and one.line < line]
        return line - sum(source.count(b"\n", one.start, one.end) for one in above)

    first, last = moved(cut.first_line), max(moved(cut.first_line), moved(cut.last_line))
    same_function = cause.function.endswith(cut.function)  # another link of the same rows
    return bool(same_function or (cause.line <= last and cause.end_line >= first))


def _seconds(text: str) -> float:
    factor = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:])
    return float(text[:-1]) * factor if factor else float(text)


if __name__ == "__main__":
    sys.exit(main())
