"""Writes route parameters, with their types as Django's converters name them."""

from __future__ import annotations

import re
from typing import Any

from unslow.observe._origin import Json

_DIGITS = re.compile(r"(\\d|\[0-9\])(\+|\{[\d,]*\})?")
_UUID = re.compile(r"a-f.*-|\{8\}", re.IGNORECASE)


def param(name: str, location: str, type: str = "str", **details: Any) -> Json:
    """`model.RouteParam` as JSON."""
    return {"name": name, "location": location, "type": type, **details}


def type_of_expression(expression: str) -> str:
    """The converter that a regular expression stands for."""
    if _DIGITS.fullmatch(expression):
        return "int"
    if _UUID.search(expression):
        return "uuid"
    return "slug" if expression in (r"[-\w]+", r"[\w-]+", r"[-a-zA-Z0-9_]+") else "str"


def type_of_field(field: Any) -> str:
    """The converter that fits a model or form field."""
    name = type(field).__name__
    if "Boolean" in name:
        return "boolean"
    if name in ("UUIDField", "SlugField"):
        return name.removesuffix("Field").lower()
    if "Integer" in name or "Auto" in name or name in ("ForeignKey", "OneToOneField"):
        return "int"
    if name in ("DecimalField", "FloatField", "NumberFilter"):
        return "number"
    return {"DateField": "date", "DateTimeField": "date-time"}.get(name, "str")
