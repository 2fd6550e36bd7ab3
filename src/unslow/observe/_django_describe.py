"""Describes a Django application: its routes, models and databases."""

from __future__ import annotations

from typing import Any


def describe() -> dict[str, Any] | None:
    return None
