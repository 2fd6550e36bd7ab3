"""Puts the process under observation, before the application is imported."""

import os

_started = False


def is_started() -> bool:
    """Tell whether the lab observes this process."""
    return _started


def start() -> None:
    """Start the recorder if unslow's variables are set; does nothing otherwise, or twice."""
    global _started
    if _started or not os.environ.get("UNSLOW_SOCKET"):
        return
    _started = True
    from unslow.observe import (
        _delay,
        _follow,
        _imports,
        _integrations,
        _listen,
        _live,
        _record,
        _redirect,
        _sampler,
        _sandbox,
        _slow_imports,
        _wire,
    )

    _record.from_environment()
    _wire.safely(_delay.from_environment)()
    _wire.safely(_wire.hello)()
    if _redirect.is_wanted():
        _wire.safely(_sandbox.install)()
        _wire.safely(_listen.install)()
    else:
        _wire.safely(_live.install)()
    _wire.safely(_imports.watch)()
    if _record.level() != "off":
        _wire.safely(_follow.install)()
        _wire.safely(_slow_imports.install)()
    if _record.level() == "full":
        _wire.safely(_sampler.install)()
    _integrations.install()
