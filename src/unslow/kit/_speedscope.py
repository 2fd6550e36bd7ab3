"""Writes counted stacks as speedscope reads them: one profile per route."""

import json
from collections import defaultdict
from typing import Any

import unslow
from unslow.kit._profile import Place
from unslow.kit._stacks import Counted, Snapshot

SCHEMA = "https://www.speedscope.app/file-format-schema.json"
Function = tuple[str, str, int]


def speedscope(snapshot: Snapshot, name: str) -> bytes:
    """The JSON of https://github.com/jlfwong/speedscope/wiki; the route that took most is first."""
    frames: dict[Function, int] = {}
    routes: dict[str, list[Counted]] = defaultdict(list)
    for counted in snapshot.counted:
        routes[counted.route].append(counted)
    by_weight = sorted(routes.items(), key=lambda one: -sum(part.looks for part in one[1]))
    profiles = [_profile(route, parts, snapshot, frames) for route, parts in by_weight]
    written = {
        "$schema": SCHEMA,
        "name": name,
        "exporter": f"unslow {unslow.__version__}",
        "activeProfileIndex": 0,
        "shared": {"frames": [_frame(function) for function in frames]},
        "profiles": profiles,
    }
    return json.dumps(written, separators=(",", ":")).encode()


def _profile(
    route: str, parts: list[Counted], snapshot: Snapshot, frames: dict[Function, int]
) -> dict[str, Any]:
    weights = [part.looks * snapshot.period_s for part in parts]
    return {
        "type": "sampled",
        "name": route,
        "unit": "seconds",
        "startValue": 0,
        "endValue": sum(weights),
        "samples": [[_number(place, frames) for place in part.stack] for part in parts],
        "weights": weights,
    }


def _number(place: Place, frames: dict[Function, int]) -> int:
    return frames.setdefault((place.function, place.path, place.first_line), len(frames))


def _frame(function: Function) -> dict[str, Any]:
    name, path, line = function
    return {"name": name, "file": path, "line": line} if path else {"name": name}
