"""Holds endpoints to a budget: exact counters per request, and a slowdown against a base."""

from unslow.lab.budget.checking import Checked, Options, check
from unslow.lab.budget.rules import Rules, read_rules
from unslow.lab.budget.suggesting import suggested

__all__ = ["Checked", "Options", "Rules", "check", "read_rules", "suggested"]
