"""Sends load to an application on this machine and tells how long it took, from a process of its
own that is checked not to be what is measured."""

from unslow.lab.load.check import Ceiling, ceiling, checked, quantile
from unslow.lab.load.generator import Generator, Sent, Throughput, loopback
from unslow.lab.load.schedule import Arrivals, Schedule, picks, schedule

__all__ = [
    "Arrivals",
    "Ceiling",
    "Generator",
    "Schedule",
    "Sent",
    "Throughput",
    "ceiling",
    "checked",
    "loopback",
    "picks",
    "quantile",
    "schedule",
]
