"""What `unslow prove` says of planted changes, against what it must say.

    python -m benchmarks.verdicts
    python -m benchmarks.verdicts slower mail-missing --time-budget 2m --json verdicts.json

The exit code is 1 when a verdict is wrong. An inconclusive one is counted as open.
"""

import argparse
import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.verdicts.changes import Change, changes
from benchmarks.verdicts.judging import Judged, helpdesk, judge
from benchmarks.verdicts.seed import Size

WIDTHS = (29, 9, 12, 6, 24, 7)
HEADINGS = ("change", "expected", "found", "", "speedup of one endpoint", "seconds", "evidence")
SHOWN = 110  # characters of the evidence in the table; all of it is in the JSON


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdicts", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", help="changes; all if left out")
    parser.add_argument("--time-budget", default="5m", help="of each proof; default 5m")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table as JSON")
    parser.add_argument("--reports", type=Path, metavar="DIR", help="keep the report of each proof")
    options = parser.parse_args(words)
    try:
        chosen = changes(options.names)
    except KeyError as error:
        known = "\n  ".join(change.name for change in changes())
        parser.error(f"no change {error}; there are\n  {known}")
    if options.reports:
        options.reports.mkdir(parents=True, exist_ok=True)
    judged = run(chosen, options.time_budget, options.reports)
    if options.json:
        options.json.write_text(json.dumps([as_row(one) for one in judged], indent=2) + "\n")
    return int(any(one.mark == "WRONG" for one in judged))


def run(chosen: Sequence[Change], budget: str, reports: Path | None) -> list[Judged]:
    print(line(*HEADINGS), flush=True)
    judged = []
    with helpdesk(Size()) as desk:
        for change in chosen:
            one = judge(change, desk, budget, reports)
            judged.append(one)
            cells = (one.name, one.expected, one.found, one.mark, one.speedup, f"{one.seconds:.0f}")
            print(line(*cells, one.evidence[:SHOWN]), flush=True)
    marks = Counter(one.mark for one in judged)
    print(f"{marks['right']} right, {marks['open']} open, {marks['WRONG']} wrong")
    return judged


def line(*cells: str) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=False)]
    return "  ".join([*padded, cells[-1]]).rstrip()


def as_row(one: Judged) -> dict[str, object]:
    return {**dataclasses.asdict(one), "mark": one.mark}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
