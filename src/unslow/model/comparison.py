"""Two versions of an application, side by side: what `unslow prove` says."""

import msgspec

from unslow.model.verdict import Verdict


class Comparison(msgspec.Struct, frozen=True):
    """`base` and `candidate` are labels ("HEAD (3f2a1c9)", "the work tree").

    `verdict.effects` holds every endpoint that was compared, with a verdict of its own;
    `verdict.speedup` is over their total. `files` differ between the versions. Endpoints that
    only one version has are named and not compared. `output` is what a candidate that failed
    printed last.
    """

    base: str
    candidate: str
    verdict: Verdict
    files: tuple[str, ...] = ()
    only_base: tuple[str, ...] = ()
    only_candidate: tuple[str, ...] = ()
    max_slowdown: float = 0.05
    notes: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
