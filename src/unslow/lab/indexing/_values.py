"""Likely values for parameters that nobody recorded, from the statistics of their columns."""

from unslow.lab.indexing.wants import Asked

LIMITS = {"limit": "20", "offset": "0"}
PLACES = {"<": 0.1, "<=": 0.1, ">": 0.9, ">=": 0.9, "between >=": 0.45, "between <=": 0.55}
"""Where in its column's values a bound is looked for: a range that a tenth of the rows satisfy."""


def literal(number: int, asks: Asked) -> str | None:
    """A value for `$number` as SQL, typical for the column; None when nothing tells."""
    if number in asks.limits:
        return LIMITS[asks.limits[number]]
    compared = asks.parameters.get(number)
    if compared is None:
        return None
    column = compared.table.columns[compared.column]
    values = column.bounds or column.common
    if not values:
        return None
    ordered = compared.operator in PLACES and column.bounds
    place = PLACES.get(compared.operator, 0.5) if ordered else 0.5
    value = values[min(int(place * len(values)), len(values) - 1)]
    if compared.operator == "any":
        value = '{"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"}'
    return "'" + value.replace("'", "''") + "'"
