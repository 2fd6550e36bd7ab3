"""Adds to-one relations to what a queryset joins."""

from collections.abc import Sequence

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._querysets import Spot
from unslow.model import TextEdit


def join(place: Spot, paths: Sequence[str]) -> list[TextEdit]:
    """Add `paths` to the queryset's `select_related`; nothing when they are there."""
    call = place.existing("select_related")
    if call is None:
        return place.call("select_related", tuple(f'"{path}"' for path in paths))
    present = [chains.string(arg.value) or "" for arg in call.args]
    missing = [p for p in paths if not any(f"{q}__".startswith(f"{p}__") for q in present)]
    return [chains.add_argument(place.module, call, f'"{path}"') for path in missing]
