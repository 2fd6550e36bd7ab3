"""Says the advice on a terminal."""

import textwrap
from collections.abc import Iterator

from unslow.lab.indexing.advice import Advice, Advised
from unslow.model import Change

WIDTH = 80
MOST_LEFT_OUT = 5
UNITS = ("B", "kB", "MB", "GB")


def render(advice: Advice) -> str:
    """The whole of it, as lines of text."""
    return "\n".join([*_head(advice), *_indexes(advice), *_existing(advice), *_rest(advice)]) + "\n"


def _head(advice: Advice) -> Iterator[str]:
    if not advice.statements:
        yield "No statement could be planned."
        return
    tried = "planned with hypothetical indexes only" if advice.hypothetical else "tried on a clone"
    yield (
        f"{_count(len(advice.indexes), 'index', 'indexes')} for "
        f"{_count(advice.statements, 'statement')}, {tried}"
    )
    if advice.hypothetical:
        yield from _wrapped(f"Nothing was executed: {advice.hypothetical}", "  ")
    yield (
        f"  planner's cost {_change(advice.cost)}, {size(advice.bytes)}; "
        f"{advice.planner_calls} plans by {advice.oracle} in {advice.seconds:.1f} s"
    )
    if advice.flip is not None:
        yield f"  executed {_change(advice.flip.ms)} ms a round{_sure(advice)}"
    if not advice.is_complete:
        yield "  The time or the planner's calls ended before everything was compared."


def _indexes(advice: Advice) -> Iterator[str]:
    for one in advice.indexes:
        yield ""
        yield f"{one.sql};"
        yield from _wrapped(_facts(one), "  ")
        for shape in one.statements[:3]:
            yield "    " + textwrap.shorten(shape, WIDTH - 4, placeholder=" …")


def _facts(one: Advised) -> str:
    words = [size(one.bytes)]
    if one.ms is not None and one.ms.before:
        words.append(f"{_change(one.ms)} ms a round")
    else:
        words.append(f"cost {_change(one.cost)}")
    if one.writes is not None:
        for effect in one.writes.effects:
            if effect.slowdown is not None:
                columns = f" of {', '.join(effect.columns)}" if effect.columns else ""
                seen = "" if effect.observed else " (none observed)"
                slower = f"×{effect.slowdown.estimate:.2f}"
                words.append(f"{effect.kind.upper()}{columns}{seen} {slower}")
    return ", ".join(words)


def _existing(advice: Advice) -> Iterator[str]:
    for one in advice.existing:
        yield ""
        yield f"{one.sql};"
        yield from _wrapped(f"{one.detector}, {size(one.bytes)}: {one.reason}", "  ")


def _rest(advice: Advice) -> Iterator[str]:
    if advice.rejected:
        yield ""
        yield "Not worth it"
    for one in advice.rejected:
        yield from _wrapped(f"{one.what}: {one.reason}", "  ")
    if advice.left_out:
        yield ""
        yield f"Left out: {_count(len(advice.left_out), 'statement')}"
    for one in advice.left_out[:MOST_LEFT_OUT]:
        yield "  " + textwrap.shorten(one.what, WIDTH - 2, placeholder=" …")
        yield from _wrapped(one.reason, "    ")


def _sure(advice: Advice) -> str:
    found = advice.flip.speedup if advice.flip else None
    return f", ×{found.estimate:.3g} [{found.low:.3g}, {found.high:.3g}]" if found else ""


def _change(change: Change) -> str:
    text = f"{change.before:,.6g} → {change.after:,.6g}"
    return f"{text} ({change.after / change.before:.1%})" if change.before else text


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def size(count: float) -> str:
    """Bytes in a readable unit, as PostgreSQL counts them."""
    unit = 0
    while count >= 1024 and unit < len(UNITS) - 1:
        count /= 1024
        unit += 1
    return f"{count:.3g} {UNITS[unit]}"
