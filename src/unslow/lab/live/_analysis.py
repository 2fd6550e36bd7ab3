"""Runs the detectors over what was seen so far, a moment after each pause."""

import threading
from collections import defaultdict, deque
from collections.abc import Iterable

import msgspec

from unslow import __version__
from unslow.lab.diagnose import diagnose
from unslow.lab.live._places import Places
from unslow.lab.live._seen import Seen
from unslow.lab.live._told import Teller, key_of
from unslow.lab.patching import Conflict, diff
from unslow.lab.prescribe import Source, prescribe
from unslow.lab.report._diff import DiffLine, diff_lines
from unslow.model import SCHEMA_VERSION, Finding, Patch, Request, Trace

PAUSE_S = 0.4  # after a request, since a page asks for many things at once
LONGEST_PAUSE_S = 3.0  # under steady traffic
PER_ENDPOINT = 30  # the latest requests of each; more say nothing new and cost time
# True of every development server, which is not how the application is served.
OF_SERVERS = frozenset({"debug-mode", "misfit-workers", "uncompressed-response", "slow-import"})


class Suggestion(msgspec.Struct, frozen=True):
    """What a fixer would write, not measured; without lines it is advice."""

    fixer: str
    summary: str
    safety: str
    lines: tuple[DiffLine, ...] = ()


class Analysis:
    """Keeps the findings of `seen` up to date in a thread of its own."""

    def __init__(self, seen: Seen, places: Places, teller: Teller) -> None:
        self._seen = seen
        self._places = places
        self._teller = teller
        self._found: dict[str, Finding] = {}
        self._trace: Trace | None = None
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="unslow-analysis", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def want(self) -> None:
        """Look again soon."""
        self._wanted.set()

    def close(self) -> None:
        self._stopping.set()
        self._wanted.set()

    def suggestions(self, key: str) -> list[Suggestion] | None:
        """The edits that fixers would write for a finding; None where it is gone."""
        finding, trace = self._found.get(key), self._trace
        if finding is None or trace is None:
            return None
        with self._writing:
            source = Source(self._places.roots, trace.models, trace)
            return [self._suggestion(one) for one in prescribe(finding, source)]

    def _suggestion(self, advice: object) -> Suggestion:
        if not isinstance(advice, Patch):
            fixer, summary = getattr(advice, "fixer", ""), getattr(advice, "summary", "")
            return Suggestion(fixer, summary, "review")
        try:
            text = diff([advice], self._places.read)
        except (Conflict, OSError):
            text = ""
        return Suggestion(advice.fixer, advice.summary, advice.safety, tuple(diff_lines(text)))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wanted.wait()
            self._settle()
            if self._stopping.is_set():
                return
            try:
                self._analyse()
                self._seen.changed(analysing="")
            except Exception as error:  # noqa: BLE001  # a detector's failure must not end the page
                self._seen.changed(analysing=f"{type(error).__name__}: {error}")

    def _settle(self) -> None:
        """Wait for a pause between requests, within reason."""
        for _ in range(round(LONGEST_PAUSE_S / PAUSE_S)):
            self._wanted.clear()
            if self._stopping.wait(PAUSE_S) or not self._wanted.is_set():
                return

    def _analyse(self) -> None:
        trace = self._observed()
        found = [one for one in diagnose(trace, self._places.read) if one.id not in OF_SERVERS]
        self._trace = trace
        self._found = {key_of(one): one for one in found}
        self._seen.found([self._teller.finding(one) for one in self._found.values()])

    def _observed(self) -> Trace:
        known = self._seen.description
        return Trace(
            schema=SCHEMA_VERSION,
            unslow=__version__,
            kind=known.kind,
            framework=known.framework,
            database=known.database,
            roots=self._places.roots,
            python=known.python,
            requests=tuple(_latest(self._seen.requests())),
            routes=known.routes,
            models=known.models,
            server=known.server,
        )


def _latest(requests: Iterable[Request]) -> Iterable[Request]:
    """The last ones of each endpoint, in their order."""
    kept: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=PER_ENDPOINT))
    ordered = list(requests)
    for request in ordered:
        kept[request.endpoint].append(request.id)
    wanted = {id for ids in kept.values() for id in ids}
    return [request for request in ordered if request.id in wanted]
