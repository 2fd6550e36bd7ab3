"""Puts `unslow live` together: the application, its listener, the detectors, the page."""

import contextlib
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from unslow.errors import UnslowError
from unslow.lab.live import _command, _editor
from unslow.lab.live._analysis import Analysis
from unslow.lab.live._listener import Listener
from unslow.lab.live._places import Places
from unslow.lab.live._seen import Seen, State
from unslow.lab.live._server import Page
from unslow.lab.live._told import Teller
from unslow.lab.target import Target
from unslow.observe._placeholders import filled

SILENCE_S = 20.0  # a Python process of the application has reported by then


@dataclass(frozen=True)
class Options:
    """What the user may choose. `editor` is a name or a template, `port` 0 for a free one."""

    port: int = 0
    editor: str = "vscode"
    values: bool = False


def live(target: Target, options: Options, say: Callable[[str], None]) -> None:
    """Run the application and the page until one is ended.

    The application works on its own database and services: nothing is cloned, redirected or
    blocked. Raises `UnslowError` when it ends by itself with a status, `UsageError` when it
    cannot begin.
    """
    places = Places(target.root, _editor.template(options.editor))
    teller = Teller(places, filled if options.values else _nothing)
    seen = Seen(State(command=" ".join(target.command), root=str(target.root)), teller)
    analysis = Analysis(seen, places, teller)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_terminable())
        page = Page(options.port, seen, analysis, teller)
        stack.callback(page.close)
        stack.callback(seen.close)
        folder = Path(tempfile.mkdtemp(prefix="unslow-live-")).resolve()
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        listener = Listener(folder / "s", seen, places, analysis.want)
        stack.callback(listener.close)
        stack.callback(analysis.close)
        analysis.start()
        page.start()
        say(page.url)
        process = stack.enter_context(_command.running(target, folder, folder / "s"))
        watch = threading.Timer(SILENCE_S, _note_silence, (seen, say))
        watch.daemon = True
        watch.start()
        stack.callback(watch.cancel)
        status = process.wait()
    if status:
        raise UnslowError(
            f"The application stopped by itself (status {status}): {' '.join(target.command)}"
        )


def development(target: Target, named: Sequence[str]) -> Target:
    """The target under its development server, unless its command was named."""
    manager = target.root / target.folder / "manage.py"
    if not named and target.kind == "django" and manager.is_file():
        return replace(target, command=(str(target.python), "manage.py", "runserver"))
    return target


def _nothing(sql: str, parameters: Sequence[str] | None) -> None:
    return None


def _note_silence(seen: Seen, say: Callable[[str], None]) -> None:
    if not seen.starts:
        say("")


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end us as Ctrl-C does, so that everything is undone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
