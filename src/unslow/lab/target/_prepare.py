"""Runs a version's own commands, its migrations, on the clone that it is about to start on."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from unslow.errors import UnslowError
from unslow.lab.target import _launch, _process
from unslow.lab.target._broker import Broker
from unslow.lab.target._clones import Clones
from unslow.lab.target._launch import Spec
from unslow.lab.target._sites import Relative

SECONDS = 600.0  # per command, the copying of the database not counted
POLL_S = 0.02


def run(spec: Spec, clones: Clones, relative: Relative, given_up: threading.Event) -> None:
    """Run the tree's `prepare` commands, one after the other, under the same redirection.

    Raises UnslowError with the last lines of one that fails.
    """
    for number, words in enumerate(spec.tree.prepare):
        own = replace(spec, folder=spec.folder / f"p{number}", level="off")
        own.folder.mkdir()
        broker = Broker(own.socket, clones.answer, relative)
        try:
            _run(own, words, clones, given_up)
        except UnslowError as error:
            raise broker.problem or error from error
        finally:
            broker.close()


def _run(spec: Spec, words: Sequence[str], clones: Clones, given_up: threading.Event) -> None:
    process = _launch.start_words(spec, words, _launch.free_port())
    try:
        deadline = time.monotonic() + SECONDS
        while process.poll() is None:
            if clones.busy:
                deadline = time.monotonic() + SECONDS
            if given_up.is_set():
                raise _launch.GivenUp("Another application did not start.")
            if time.monotonic() > deadline:
                raise _failed(spec, words, f"did not end within {SECONDS:.0f} s")
            time.sleep(POLL_S)
        if process.returncode:
            raise _failed(spec, words, f"failed (status {process.returncode})")
    finally:
        _process.stop(process, str(spec.socket))


def _failed(spec: Spec, words: Sequence[str], what: str) -> UnslowError:
    lines = spec.log_tail() or "  (it printed nothing)"
    return UnslowError(f"{' '.join(words)} {what}. Its last lines:\n{lines}")
