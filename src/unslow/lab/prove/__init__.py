"""Judges patches: the same responses, exact counters, and an interleaved measurement."""

from unslow.lab.prove._candidate import Candidate, Combination, Proof
from unslow.lab.prove.combine import combine
from unslow.lab.prove.proving import calibrate, prove

__all__ = ["Candidate", "Combination", "Proof", "calibrate", "combine", "prove"]
