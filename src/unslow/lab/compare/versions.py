"""Two versions of one application: revisions, a patch, folders, or the work tree itself."""

from dataclasses import dataclass

from unslow.lab.target import Target
from unslow.model import Patch


@dataclass(frozen=True)
class Version:
    """A version by its label. The base's `patch` applies to the target's folder as it lies there,
    the candidate's to the base; so what neither version tracks is present in both."""

    label: str
    patch: Patch


@dataclass(frozen=True)
class Versions:
    """`files` differ between the two (below the target's root), `notes` say what was left out."""

    base: Version
    candidate: Version
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def resolve(base: str | None, candidate: str | None, target: Target) -> Versions:
    """The two versions that the arguments of `unslow prove` name.

    Raises `UsageError` when one is unknown, when they share no history, when a patch does not
    apply, or when there is nothing to compare.
    """
    raise NotImplementedError
