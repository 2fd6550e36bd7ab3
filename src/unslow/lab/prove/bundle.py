"""Lets candidates share a launch: those that touch other endpoints and other text go together."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from unslow.lab.patching import Conflict, Read, apply
from unslow.lab.prove._candidate import Candidate, rivals
from unslow.model import Patch

_INDEXED_TABLE = re.compile(r'\bON\s+(?:ONLY\s+)?([\w."]+)', re.IGNORECASE)


@dataclass(frozen=True)
class Bundle:
    """Candidates that are measured in one arm, each by its own endpoints.

    `beside` are fixes that are in place in every arm: they are not judged.
    """

    name: str
    candidates: tuple[Candidate, ...]
    beside: tuple[Candidate, ...] = ()

    @property
    def patches(self) -> tuple[Patch, ...]:
        return tuple(candidate.patch for candidate in (*self.beside, *self.candidates))

    @property
    def sql(self) -> tuple[str, ...]:
        """Each statement once: two candidates may want the same index."""
        return tuple(dict.fromkeys(line for patch in self.patches for line in patch.sql))

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(candidate.key for candidate in self.candidates)

    @property
    def targets(self) -> frozenset[str]:
        return frozenset(end for candidate in self.candidates for end in candidate.endpoints)


def bundles(
    candidates: Sequence[Candidate], read: Read, beside: Sequence[Candidate] = ()
) -> tuple[Bundle, ...]:
    """As few bundles as a greedy colouring gives, candidates with many endpoints first."""
    groups: list[list[Candidate]] = []
    for candidate in sorted(candidates, key=lambda one: -len(one.endpoints)):
        home = next((one for one in groups if _fits(candidate, one, read, beside)), None)
        if home is None:
            groups.append([candidate])
        else:
            home.append(candidate)
    return tuple(
        Bundle(f"B{number}", tuple(group), tuple(beside))
        for number, group in enumerate(groups, start=1)
    )


def halves(bundle: Bundle) -> tuple[Bundle, Bundle]:
    """Two smaller bundles, to find the candidate that a shared failure comes from."""
    middle = len(bundle.candidates) // 2
    return (
        replace(bundle, name=f"{bundle.name}.1", candidates=bundle.candidates[:middle]),
        replace(bundle, name=f"{bundle.name}.2", candidates=bundle.candidates[middle:]),
    )


def compatible(candidates: Sequence[Candidate], read: Read) -> bool:
    """Whether the patches can be applied together."""
    try:
        apply([candidate.patch for candidate in candidates], read)
    except Conflict:
        return False
    return True


def _fits(
    candidate: Candidate, group: Sequence[Candidate], read: Read, beside: Sequence[Candidate]
) -> bool:
    return (
        all(set(candidate.endpoints).isdisjoint(other.endpoints) for other in group)
        and not any(rivals(candidate, other) for other in group)
        and not _share_a_table(candidate, group)
        and compatible([*beside, *group, candidate], read)
    )


def _share_a_table(candidate: Candidate, group: Sequence[Candidate]) -> bool:
    """Two indexes of one table may serve each other's endpoints: they are measured apart."""
    others = {table for other in group for table in indexed_tables(other.patch)}
    return not others.isdisjoint(indexed_tables(candidate.patch))


def indexed_tables(patch: Patch) -> frozenset[str]:
    """The tables whose schema the patch changes."""
    names = (name for line in patch.sql for name in _INDEXED_TABLE.findall(line))
    return frozenset(name.replace('"', "").rpartition(".")[2] for name in names)
