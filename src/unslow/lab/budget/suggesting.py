"""Writes down what the endpoints take today as a table to paste: the budget of tomorrow."""

import json

from unslow.lab.budget.rules import DEFAULT, TABLE
from unslow.model import Budget, EndpointBudget

SUGGESTED_SLOWDOWN = "5%"  # what `unslow prove` allows by default
DIGITS = 2  # of a suggested size, rounded up, so that a longer name breaks no build


def suggested(budget: Budget) -> str:
    """The table as TOML: queries and rows as they are, bytes rounded up."""
    lines = [TABLE, f'{DEFAULT} = {{ time = "{SUGGESTED_SLOWDOWN}" }}']
    lines += [_line(row) for row in sorted(budget.endpoints, key=lambda row: _order(row))]
    return "\n".join(lines) + "\n"


def _order(row: EndpointBudget) -> tuple[str, str]:
    method, _, route = row.endpoint.partition(" ")
    return route, method


def _line(row: EndpointBudget) -> str:
    found = {one.counter: one.found for one in row.counters}
    found["bytes"] = _rounded_up(found["bytes"])
    limits = ", ".join(f"{counter} = {amount}" for counter, amount in found.items())
    return f"{json.dumps(row.endpoint, ensure_ascii=False)} = {{ {limits} }}"


def _rounded_up(amount: int) -> int:
    step = int("1".ljust(len(str(amount)) - DIGITS + 1, "0"))
    return -(-amount // step) * step
