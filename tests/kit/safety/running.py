"""Runs the programs as they are, or under the recorder; run with the level and what to do."""

import contextlib
import importlib.util
import json
import os
import pickle
import re
import sys
import threading
from pathlib import Path

LEVEL = os.environ["SAFETY_LEVEL"]
ADDRESS = re.compile(r"0x[0-9a-f]+")
SESSION = re.compile(r"'localhost:\d+'")


def load():
    spec = importlib.util.spec_from_file_location(
        "programs", Path(__file__).with_name("programs.py")
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["programs"] = module
    if LEVEL != "none":
        from unslow.observe import _embedded, _sites

        _embedded.start(LEVEL)
        _sites.configure([str(Path(__file__).parent)], [])
    spec.loader.exec_module(module)
    for one in module.PREPARE:
        one()
    return module.PROGRAMS


def outcome(program):
    """What it returned or raised, as text; inside a request, when somebody watches."""
    watched = contextlib.nullcontext()
    if LEVEL != "none":
        from unslow.observe import _embedded

        watched = _embedded.recording("TEST", program.__name__)
    try:
        with watched:
            return ADDRESS.sub("0x", repr(program()))
    except BaseException as error:  # noqa: BLE001
        return f"{type(error).__qualname__}: {error}"


def errors():
    if LEVEL == "none":
        return 0
    from unslow.observe import _wire

    return _wire.errors()


def compare():
    found = {name: outcome(program) for name, program in load().items()}
    return {"outcomes": found, "errors": errors()}


CALLS_ORIGINAL = {"original", "__class__"}  # free names of what stands for a library's function


class Fault(Exception):
    """What a broken recorder would raise."""


def stands_for_another(code):
    return bool(CALLS_ORIGINAL & {*code.co_freevars})


class Injector:
    """Raises at the start of one function of the recorder, the first time that it is called.

    A function that hooks call is a target for each of them.
    """

    def __init__(self):
        import unslow.observe

        self.folder = os.path.dirname(unslow.observe.__file__) + os.sep
        self.seen = {}
        self.target = None
        self.hits = 0

    def __call__(self, frame, event, arg):
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(self.folder):
            return
        caller = frame.f_back.f_code if frame.f_back else None
        hook = caller if caller is not None and stands_for_another(caller) else None
        if self.target is None:
            self.seen.setdefault((hook, code))
        elif (hook, code) == self.target:
            self.hits += 1
            if self.hits == 1:
                raise Fault(code.co_qualname)

    def watch(self):
        threading.setprofile(self)
        sys.setprofile(self)

    def rest(self):
        sys.setprofile(None)
        threading.setprofile(None)


def named(code):
    return f"{Path(code.co_filename).stem}.{code.co_qualname}"


def inject():
    programs = load()
    sys.modules["programs"].pickled = lambda value: repr(pickle.loads(pickle.dumps(value)))
    expected = {name: outcome(program) for name, program in programs.items()}
    injector, told, tried = Injector(), [], set()
    for name, program in programs.items():
        injector.target, injector.seen = None, {}
        injector.watch()
        outcome(program)
        injector.rest()
        for target in [one for one in injector.seen if one not in tried]:
            tried.add(target)
            injector.target, injector.hits = target, 0
            before = errors()
            injector.watch()
            got = outcome(program)
            injector.rest()
            hook, code = target
            told.append(
                {
                    "program": name,
                    "function": named(code),
                    "hook": named(hook) if hook else "",
                    "stands_for_another": stands_for_another(code),
                    "hit": injector.hits > 0,
                    "same": got == expected[name],
                    "counted": errors() > before,
                    "got": "" if got == expected[name] else got[:300],
                }
            )
    return told


if __name__ == "__main__":
    result = {"compare": compare, "inject": inject}[sys.argv[1]]()
    Path(sys.argv[2]).write_text(json.dumps(result))
