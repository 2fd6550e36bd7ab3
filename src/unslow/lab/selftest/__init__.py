"""Tests the proof itself on this machine: identical code, and code with a known delay."""

from unslow.lab.selftest.delay import DELAYS, Delay
from unslow.lab.selftest.record import Recorded, record
from unslow.lab.selftest.resample import (
    Claimed,
    Recording,
    Trials,
    reduced,
    resample,
    smallest_gain,
    try_once,
)
from unslow.lab.selftest.selftest import Options, judged, selftest
from unslow.lab.selftest.summary import exact, summarise

__all__ = [
    "DELAYS",
    "Claimed",
    "Delay",
    "Options",
    "Recorded",
    "Recording",
    "Trials",
    "exact",
    "judged",
    "record",
    "reduced",
    "resample",
    "selftest",
    "smallest_gain",
    "summarise",
    "try_once",
]
