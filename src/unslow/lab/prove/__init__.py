"""Judges patches: the same responses, exact counters, and an interleaved measurement."""

from unslow.lab.prove._candidate import Candidate, Combination, Proof

__all__ = ["Candidate", "Combination", "Proof"]
