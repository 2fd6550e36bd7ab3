"""Shows a profile as pyinstrument's call tree, where pyinstrument is installed."""

import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec

from unslow.kit._profile import WAITING, Place, Profile, Sample

INSTALL = "pip install 'unslow[profile]'"
_TAG = re.compile(r"<(?=[/!]|script)", re.IGNORECASE)  # pyinstrument writes names into a script
_FONTS = re.compile(r"https://fonts\.[\w.]+/[^\"'\s]*")


def is_there() -> bool:
    return find_spec("pyinstrument") is not None


def page(profile: Profile) -> str | None:
    """A page that needs no network; None without pyinstrument."""
    if not is_there():
        return None
    from pyinstrument.renderers.html import HTMLRenderer
    from pyinstrument.session import Session

    records = [(_names(sample), sample.seconds) for sample in _by_thread(profile.samples)]
    if not records:
        return None
    session = Session(
        frame_records=records,
        start_time=profile.started,
        duration=profile.seconds,
        min_interval=0.001,
        max_interval=0.001,
        sample_count=profile.looks,
        start_call_stack=["\0"],
        target_description=_harmless(profile.title),
        cpu_time=profile.cpu_seconds,
        sys_path=sys.path,
        sys_prefixes=Session.current_sys_prefixes(),
    )
    return _FONTS.sub("data:text/css,", HTMLRenderer(resample_interval=0).render(session))


def _by_thread(samples: tuple[Sample, ...]) -> Iterator[Sample]:
    """One thread after the other, since two that alternate make a tree of many small pieces."""
    for thread in dict.fromkeys(sample.thread for sample in samples):
        yield from (sample for sample in samples if sample.thread == thread)


def _names(sample: Sample) -> list[str]:
    names = [f"{_harmless(sample.thread)}\0<thread>\x000", *map(_name, sample.stack)]
    return [*names, WAITING] if sample.is_waiting else names


def _name(place: Place) -> str:
    function, path = _harmless(place.function), _harmless(place.path)
    return f"{function}\0{path}\0{place.first_line}\x01l{place.line}"


def _harmless(name: str) -> str:
    """A name that cannot end the script that it stands in, such as a thread's own."""
    return _TAG.sub("\u2039", name)
