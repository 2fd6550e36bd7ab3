"""Index advice on TPC-H without keys, 19 queries, beside two known ways to choose indexes.

    pip install tpchgen-cli && apt-get install postgresql-15-hypopg
    python -m benchmarks.tpch                        # scale 1: 3 GB of disk, up to an hour
    python -m benchmarks.tpch --scale 0.05 --planned # a look, a few seconds

First the planner's cost with hypothetical indexes, then CPU with real ones. Exits with 1 when a
figure misses its goal; the goals are for scale 1 and shrink with it.
"""

import argparse
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from benchmarks.tpch import peers
from benchmarks.tpch.server import server
from unslow.lab.indexing import catalogue
from unslow.lab.indexing.advising import candidates_of
from unslow.lab.indexing.candidates import Candidate
from unslow.lab.indexing.choosing import MOST_CALLS, Choice, Costs, Limits, choose
from unslow.lab.indexing.oracle import Hypothetical
from unslow.lab.indexing.sources import from_queries
from unslow.lab.indexing.trying import execute
from unslow.lab.indexing.workload import Question, Workload, workload
from unslow.lab.prove._stand import standing
from unslow.lab.prove.session import deadline

QUERIES = Path(__file__).with_name("queries.sql")
PLANNED_BYTES, PLANNED_SHARE, PLANNED_S = 575e6, 0.56, 15.0
REAL_BYTES, CPU_SHARE = 344e6, 0.62
WIDER = 1.5  # of the hypothetical size, before execution chooses: real indexes are smaller
TRY_S = 1800.0
PEER_S = 600.0
REPEATS = 3
CUT_S = 120  # without an index, query 21 runs for the better part of an hour
MB = 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--planned", action="store_true", help="execute nothing")
    arguments = parser.parse_args()
    started = time.monotonic()
    with server(arguments.scale) as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        print(f"TPC-H {arguments.scale:g}, loaded in {time.monotonic() - started:.0f} s")
        known = catalogue.read(connection)
        asked = workload(from_queries(QUERIES), known, connection)
        assert not asked.left_out, asked.left_out
        questions = asked.questions
        wanted = candidates_of(asked)
        most = round(PLANNED_BYTES * arguments.scale)
        print(f"{len(questions)} statements, {len(wanted)} candidates, {most / MB:.0f} MB\n")
        chosen = _choose(connection, questions, wanted, most)
        fine = _report("unslow", chosen)
        fine &= chosen.after <= PLANNED_SHARE * chosen.before
        fine &= chosen.calls <= MOST_CALLS + len(questions) and chosen.seconds <= PLANNED_S + 1
        rivals = {"Extend": peers.extend, "DB2Advis": peers.db2advis}
        others = {
            name: way(_costs(connection, questions, PEER_S, 10**6), most)
            for name, way in rivals.items()
        }
        for name, other in others.items():
            _report(name, other)
        for one in sorted(chosen.config, key=lambda each: each.sql("")):
            print(f"  {one.sql('')}")
        if arguments.planned:
            return 0 if fine else 1
        connection.execute("SELECT hypopg_reset()")
        limit = round(REAL_BYTES * arguments.scale)
        print(f"\nexecuted, CPU of the backend, median of {REPEATS}, {limit / MB:.0f} MB")
        without, cut = _cpu(connection, questions)
        _line("no index", without, without, 0, cut)
        wide = _choose(connection, questions, wanted, round(WIDER * most))
        connection.execute("SELECT hypopg_reset()")
        own = _executed(connection, questions, _kept(dsn, asked, wide, limit))
        _line("unslow", own[0], without, own[1], cut)
        for name, other in others.items():
            found = _executed(connection, questions, _within(connection, questions, other, limit))
            _line(name, found[0], without, found[1], cut)
        fine &= sum(own[0].values()) <= CPU_SHARE * sum(without.values()) and own[1] <= limit
        for key, seconds in without.items():
            print(f"  {key:>3}: {seconds:8.2f} s → {own[0][key]:8.2f} s")
    return 0 if fine else 1


def _costs(
    connection: psycopg.Connection[Any], questions: Sequence[Question], seconds: float, calls: int
) -> Costs:
    end = time.monotonic() + seconds
    limits = Limits(None, lambda: end - time.monotonic(), calls)
    return Costs(Hypothetical(connection), questions, lambda _: 0.0, limits)


def _choose(
    connection: psycopg.Connection[Any],
    questions: Sequence[Question],
    wanted: Sequence[Candidate],
    most: int,
) -> Choice:
    end = time.monotonic() + PLANNED_S
    limits = Limits(most, lambda: end - time.monotonic())
    return choose(Hypothetical(connection), questions, wanted, lambda _: 0.0, limits)


def _report(name: str, choice: Choice) -> bool:
    print(
        f"{name:10} cost {choice.after / choice.before:6.1%}  {choice.bytes / MB:6.1f} MB  "
        f"{len(choice.config):2} indexes  {choice.calls:5} calls  {choice.seconds:5.1f} s"
    )
    return True


def _line(
    name: str,
    cpu: dict[str, float],
    without: dict[str, float],
    size: float,
    cut: frozenset[str],
) -> None:
    share = sum(cpu.values()) / sum(without.values())
    print(f"{name:10} CPU {sum(cpu.values()):7.2f} s {share:6.1%}  {size / MB:6.1f} MB", end="")
    if cut:
        whole = without.keys() - cut
        rest = sum(cpu[key] for key in whole) / sum(without[key] for key in whole)
        print(f"  ({rest:6.1%} without {', '.join(sorted(cut))}, cut after {CUT_S} s)", end="")
    print()


def _kept(dsn: str, asked: Workload, choice: Choice, most_bytes: int) -> list[Candidate]:
    """What execution leaves of a choice, as `unslow indexes` does it."""
    union = [one.sql() for one in choice.config]
    with standing(dsn, union) as stand:
        tried = execute(
            stand,
            sorted(choice.config, key=lambda one: one.sql()),
            asked,
            random=Random(0),
            seconds_left=deadline(TRY_S),
            most_bytes=most_bytes,
        )
    for one, why in tried.rejected.items():
        print(f"  not {one.sql('').removeprefix('CREATE INDEX ON ')}: {why}")
    for kept in tried.kept:
        print(f"  kept {kept.candidate.sql('').removeprefix('CREATE INDEX ON ')}")
    return [one.candidate for one in tried.kept]


def _within(
    connection: psycopg.Connection[Any],
    questions: Sequence[Question],
    choice: Choice,
    most_bytes: int,
) -> list[Candidate]:
    """What a peer chose, without what the planner misses least for its real size if it must."""
    costs = _costs(connection, questions, PEER_S, 10**6)
    left = set(choice.config)
    worth = {one: costs.change(choice.config, choice.config - {one}) for one in left}
    connection.execute("SELECT hypopg_reset()")
    for one in left:
        connection.execute(one.sql().encode())
    sizes = {one: _size(connection, one) for one in left}
    for one in choice.config:
        connection.execute(f"DROP INDEX {one.name}".encode())
    while sum(sizes[one] for one in left) > most_bytes:
        left.discard(min(left, key=lambda one: worth[one] / sizes[one]))
    return list(left)


def _executed(
    connection: psycopg.Connection[Any], questions: Sequence[Question], chosen: list[Candidate]
) -> tuple[dict[str, float], int]:
    """CPU with these indexes and their size; they are gone afterwards."""
    for one in chosen:
        connection.execute(one.sql().encode())
    connection.execute("VACUUM ANALYZE")
    size = sum(_size(connection, one) for one in chosen)
    cpu, _ = _cpu(connection, questions)
    for one in chosen:
        connection.execute(f"DROP INDEX {one.name}".encode())
    return cpu, size


def _size(connection: psycopg.Connection[Any], one: Candidate) -> int:
    row = connection.execute("SELECT pg_relation_size(%s::regclass)", [one.name]).fetchone()
    assert row is not None
    return int(row[0])


def _cpu(
    connection: psycopg.Connection[Any], questions: Collection[Question]
) -> tuple[dict[str, float], frozenset[str]]:
    """Seconds of CPU of each statement, by its place in the file, and which ones were cut.

    A statement that is cut runs once and counts as what it had used by then.
    """
    found, cuts = {}, set()
    schedstat = Path(f"/proc/{connection.info.backend_pid}/schedstat")
    connection.execute(f"SET statement_timeout = '{CUT_S}s'".encode())
    for question in questions:
        spent: list[float] = []
        cut = False
        while len(spent) <= REPEATS and not cut:
            before = int(schedstat.read_text().split()[0])
            try:
                connection.execute(question.read.sql.encode()).fetchall()
            except psycopg.errors.QueryCanceled:
                cut = True
            spent.append((int(schedstat.read_text().split()[0]) - before) / 1e9)
        found[_number(question)] = spent[-1] if cut else sorted(spent[1:])[REPEATS // 2]
        if cut:
            cuts.add(_number(question))
    connection.execute("RESET statement_timeout")
    return found, frozenset(cuts)


def _number(question: Question) -> str:
    """The number in the comment before the statement."""
    lines = [line for line in question.read.sql.splitlines() if line.startswith("-- ")]
    return lines[-1].removeprefix("-- ")


if __name__ == "__main__":
    sys.exit(main())
