"""A selftest in words, rows and positions: how often proofs here are wrong, and what they see."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unslow.lab.report import _phrases as say
from unslow.model import DelayKind, DelayPower, MetricQuality, Rate, Report, Selftest

WIDTH = 1000.0  # of the plot, in units that the template scales
HEIGHT = 300.0
KINDS: dict[DelayKind, str] = {"cpu": "CPU", "wait": "waiting"}
METRICS = {"cpu": "CPU", "wall": "wall time"}


def cells(found: Selftest) -> list[tuple[str, str, str, str, str]]:
    """The table: what was changed, judged by what, shown, proven of trials, in percent."""
    rows = []
    for one in found.quality:
        rows.append((f"{KINDS[one.kind]}: none", METRICS[one.metric], "", *_rate(one.false_proven)))
        rows += [
            (f"{KINDS[one.kind]}: +{_percent(delay.delay)}", METRICS[one.metric], *_shown(delay))
            for delay in found.delays
            if delay.kind == one.kind
        ]
    return rows


HEADS = ("Delay", "judged by", "measured", "proven", "95 % interval")


def _shown(delay: DelayPower) -> tuple[str, str, str]:
    return f"{delay.shown:+.1%}".replace("%", " %"), *_rate(delay.power)


def _rate(rate: Rate) -> tuple[str, str]:
    number = f"{rate.proven} of {rate.trials}"
    return number, f"{_percent(rate.low)} to {_percent(rate.high)}"


def _percent(share: float) -> str:
    """`0 %`, `0.37 %`, `9.1 %`, `98 %`, `99.6 %`: as exact as a rate near its end needs."""
    value = share * 100
    if value in (0, 100) or round(value, 6) == round(value):
        return f"{value:.0f} %"
    if 10 <= value <= 99:
        return f"{value:.0f} %"
    return f"{value:.1f} %" if value >= 1 else f"{value:.2f} %"


def headline(found: Selftest) -> str:
    if not found.failures:
        return "Proofs can be trusted here"
    return "The targets are not met here"


def seen(one: MetricQuality) -> str:
    """What can be seen of one kind of change, in one sentence."""
    least = (
        "no gain can be proven"
        if one.smallest_detectable >= 1
        else f"a gain of {_percent(one.smallest_detectable)} is proven nine times in ten"
    )
    return (
        f"{KINDS[one.kind].capitalize() if one.kind == 'wait' else 'CPU'}: identical code differs "
        f"by {_percent(one.noise)} from launch pair to launch pair, by {METRICS[one.metric]}; "
        f"within {say.count(one.pairs, 'pair')} {least}."
    )


def method(found: Selftest) -> str:
    """How the numbers came about, resampling included."""
    names = ", ".join(
        f"{one.endpoint} ({say.milliseconds(one.wall_ms)} ms)" for one in found.endpoints
    )
    return (
        f"{say.count(found.recorded, 'launch set')} were recorded on {names}. The trials are drawn "
        f"from them with replacement, with random sides for identical arms, and judged as a proof "
        f"is, each within {say.duration(found.trials_s)} of recorded time, its replication "
        "included. The intervals are exact for these recordings and do not know other days."
    )


def waiting(found: Selftest) -> str:
    return f"Threads waited {_percent(found.waiting_share)} of their time for a core."


def terminal(found: Selftest) -> list[RenderableType]:
    """What stands below the head line."""
    style = "bold red" if found.failures else "bold green"
    parts: list[RenderableType] = ["", Text(headline(found), style=style)]
    parts += [Padding(Text(line, style="red"), (0, 0, 0, 2)) for line in found.failures]
    parts += ["", _table(found), ""]
    parts += [Text(seen(one)) for one in found.quality]
    parts += [Text(waiting(found))]
    parts += [Text(line, style="yellow") for line in found.notes]
    return [*parts, "", Text(method(found), style="dim")]


def _table(found: Selftest) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for position, head in enumerate(HEADS):
        table.add_column(head, justify="left" if position < 2 else "right", no_wrap=True)
    for row in cells(found):
        table.add_row(*row)
    return table


def markdown(report: Report, found: Selftest) -> str:
    lines = [
        f"### unslow selftest: {headline(found).lower()}",
        "",
        " · ".join(say.target(report)),
        "",
        *(f"- {line}" for line in found.failures),
        *([""] if found.failures else []),
        f"| {' | '.join(HEADS)} |",
        "|--|--|--:|--:|--:|",
        *(f"| {' | '.join(row)} |" for row in cells(found)),
        "",
        *(f"- {line}" for line in (*map(seen, found.quality), waiting(found), *found.notes)),
        "",
        f"<sub>{method(found)}</sub>",
    ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Mark:
    """A rate in the plot, with its interval; y grows downwards."""

    x: float
    y: float
    top: float
    bottom: float
    label: str


@dataclass(frozen=True)
class Curve:
    """Power against delay, from the false-positive rate at no delay."""

    name: str
    kind: DelayKind
    marks: tuple[Mark, ...]

    @property
    def points(self) -> str:
        return " ".join(f"{mark.x},{mark.y}" for mark in self.marks)


@dataclass(frozen=True)
class Plot:
    curves: tuple[Curve, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]


def plot(found: Selftest) -> Plot:
    """The positions of all rates; the axes begin at no delay and at never proven."""
    longest = max((one.delay for one in found.delays), default=0.1)
    shares = sorted({0.0, *(one.delay for one in found.delays)})
    return Plot(
        tuple(_curve(found, one, longest) for one in found.quality),
        tuple(
            (_x(share, longest), f"+{_percent(share)}" if share else "identical code")
            for share in shares
        ),
        tuple((_y(share), _percent(share)) for share in (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)),
    )


def _curve(found: Selftest, one: MetricQuality, longest: float) -> Curve:
    delays: Sequence[DelayPower] = [d for d in found.delays if d.kind == one.kind]
    rates = [(0.0, one.false_proven), *((d.delay, d.power) for d in delays)]
    marks = (
        Mark(_x(delay, longest), _y(rate.share), _y(rate.high), _y(rate.low), _percent(rate.share))
        for delay, rate in rates
    )
    return Curve(f"{KINDS[one.kind]}, by {METRICS[one.metric]}", one.kind, tuple(marks))


def _x(delay: float, longest: float) -> float:
    return round(delay / longest * WIDTH, 1)


def _y(share: float) -> float:
    return round((1 - share) * HEIGHT, 1)
