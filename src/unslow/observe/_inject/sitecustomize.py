"""Starts unslow's recorder in a process that unslow launched, then the user's own sitecustomize."""

import os
import sys


def _start() -> None:
    if os.environ.get("UNSLOW_SOCKET") and sys.version_info >= (3, 11):
        from unslow.observe import _start

        _start.start()


def _continue() -> None:
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    here = os.path.dirname(os.path.abspath(__file__))
    others = [path for path in sys.path if os.path.abspath(path) != here]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


try:
    _start()
except Exception as problem:  # noqa: BLE001
    sys.stderr.write("unslow: the recorder did not start: " + repr(problem) + "\n")
_continue()
