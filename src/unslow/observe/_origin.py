"""Remembers which expressions built a query and its rows, in small records shared by call site."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from typing import Any

from unslow.observe._sites import Site

Json = dict[str, Any]

MAX_LINKS = 24  # a chain that grows longer is a loop; its later steps say nothing new
MAX_PATH = 8  # `category.parent.parent...`
MAX_RECORDS = 50_000  # beyond it nothing is shared any more, so that memory stays bounded


class Quiet:
    """What rides on the application's objects: copies as itself, pickles as an empty string.

    A pickle of an instance or a queryset must load where unslow is not installed.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[type[str], tuple[()]]:
        return (str, ())

    def __copy__(self) -> Quiet:
        return self

    def __deepcopy__(self, memo: Any) -> Quiet:
        return self


class Chain(Quiet):
    """The links of one queryset or statement so far. Equal chains are one object."""

    __slots__ = ("_digest", "_next", "_origins", "links")

    def __init__(self, links: tuple[Json, ...]) -> None:
        self.links = links
        self._next: dict[object, Chain] = {}
        self._origins: dict[object, Origin] = {}
        self._digest = ""

    def then(
        self, operation: str, stack: list[Site], direct: bool = True, manager_frames: int = 0
    ) -> Chain:
        """This chain with one more link; a repetition of the last link adds nothing."""
        key = (operation, direct, manager_frames, *map(id, stack))
        found = self._next.get(key)
        if found is None:
            found = self._extended(operation, stack, direct, manager_frames)
            if _may_share():
                self._next[key] = found
        return found

    def _extended(
        self, operation: str, stack: list[Site], direct: bool, manager_frames: int
    ) -> Chain:
        link = {
            "operation": operation,
            "stack": stack,
            "direct": direct,
            "manager_frames": manager_frames,
        }
        if len(self.links) >= MAX_LINKS or (self.links and self.links[-1] == link):
            return self
        return Chain((*self.links, link))

    def origin(
        self,
        model: str,
        terminal: str = "",
        select_related: tuple[str, ...] = (),
        prefetch_related: tuple[str, ...] = (),
    ) -> Origin:
        """The origin of rows that this chain produced."""
        key = (model, terminal, select_related, prefetch_related)
        found = self._origins.get(key)
        if found is None:
            found = Origin(self, model, terminal, select_related, prefetch_related)
            if _may_share():
                self._origins[key] = found
        return found

    @property
    def digest(self) -> str:
        if not self._digest:
            self._digest = blake2b(repr(self.links).encode(), digest_size=8).hexdigest()
        return self._digest


EMPTY = Chain(())


class Origin(Quiet):
    """`model.Origin`: where instances come from, and the path from the chain's rows to them."""

    __slots__ = ("_chain", "_children", "_fields", "_json", "_path")

    def __init__(
        self,
        chain: Chain,
        model: str,
        terminal: str,
        select_related: tuple[str, ...],
        prefetch_related: tuple[str, ...],
        path: tuple[str, ...] = (),
    ) -> None:
        self._chain = chain
        self._fields = (model, terminal, select_related, prefetch_related)
        self._path = path
        self._children: dict[str, Origin] = {}
        self._json: Json | None = None

    def child(self, relation: str) -> Origin:
        """The origin of what `relation` leads to from these instances."""
        found = self._children.get(relation)
        if found is None:
            if len(self._path) >= MAX_PATH:
                return self
            found = Origin(self._chain, *self._fields, path=(*self._path, relation))
            self._children[relation] = found
        return found

    def json(self) -> Json:
        """`model.Origin` as JSON. One object per origin: do not change it."""
        if self._json is None:
            model, terminal, select_related, prefetch_related = self._fields
            named = f"{model}:{self._chain.digest}".encode()
            self._json = {
                "id": blake2b(named, digest_size=8).hexdigest(),
                "model": model,
                "links": self._chain.links,
                "path": self._path,
                "terminal": terminal,
                "select_related": select_related,
                "prefetch_related": prefetch_related,
            }
        return self._json


class Parent(Quiet):
    """The instance that a related query is for, without holding on to it."""

    __slots__ = ("_key", "generic", "kind", "lazy", "model", "origin", "relation", "target")

    def __init__(
        self,
        kind: str,
        model: str,
        relation: str,
        origin: Origin | None,
        key: object = None,
        *,
        lazy: bool = False,
        generic: bool = False,
        target: str = "",
    ) -> None:
        self.kind = kind
        self.model = model
        self.relation = relation
        self.origin = origin
        self.lazy = lazy  # read through a descriptor: has no chain of its own
        self.generic = generic  # finds out the target's model by a query of its own
        self.target = target  # the loaded model, where the statement reads another (M2M tables)
        self._key = key

    @property
    def key(self) -> str | None:
        return None if self._key is None else digest_of(self.model, self._key)


class Stamp(Quiet):
    """What a queryset or statement carries: its chain, whom it is for, and whether it is as is."""

    __slots__ = ("chain", "parent", "plain")

    def __init__(self, chain: Chain, parent: Parent | None = None, plain: bool = False) -> None:
        self.chain = chain
        self.parent = parent
        self.plain = plain


def load(
    kind: str,
    orm: str,
    *,
    model: str = "",
    parent: Parent | None = None,
    queryset: Origin | None = None,
    plain: bool = False,
) -> Json:
    """`model.Load` as JSON."""
    return {
        "kind": kind,
        "orm": orm,
        "model": (parent.target if parent is not None else "") or model,
        "parent": parent.model if parent is not None else "",
        "relation": parent.relation if parent is not None else "",
        "origin": parent.origin.json() if parent is not None and parent.origin else None,
        "queryset": queryset.json() if queryset is not None else None,
        "plain": plain,
        "parent_key": parent.key if parent is not None else None,
    }


def digest_of(*values: object) -> str:
    """A digest keyed per run: it tells equal values apart from others and nothing else."""
    return blake2b(repr(values).encode("utf-8", "replace"), digest_size=8, key=_key()).hexdigest()


def names(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(sorted(map(str, values)))


@cache
def _key() -> bytes:
    return os.environ.get("UNSLOW_TOKEN", "").encode()[:64]


_records = 0


def _may_share() -> bool:
    global _records
    _records += 1
    return _records <= MAX_RECORDS
