"""Judges patches: the same responses, exact counters, and an interleaved measurement."""

from unslow.lab.prove._candidate import Candidate, Combination, Proof
from unslow.lab.prove._traffic import Traffic, traffic
from unslow.lab.prove.change import Judged, judge_change
from unslow.lab.prove.combine import combine
from unslow.lab.prove.proving import calibrate, prove
from unslow.lab.prove.rounds import prove_all

__all__ = [
    "Candidate",
    "Combination",
    "Judged",
    "Proof",
    "Traffic",
    "calibrate",
    "combine",
    "judge_change",
    "prove",
    "prove_all",
    "traffic",
]
