"""Tells which indexes do nothing that others do not do, and which nobody reads."""

from collections.abc import Iterator, Sequence

from unslow.model import Index

MIN_SCANS = 1000  # of the table and its indexes, before an index without any counts as unused


def redundant(indexes: Sequence[Index]) -> Iterator[tuple[Index, Index]]:
    """Each index of a table that another one replaces, with that one."""
    gone: set[str] = set()
    for one in sorted(indexes, key=_least_wanted):
        others = (other for other in indexes if other.name not in {one.name, *gone})
        home = next((other for other in others if _replaces(other, one)), None)
        if home is not None:
            gone.add(one.name)
            yield one, home


def how(one: Index, home: Index) -> str:
    """What `one` is of the index that replaces it."""
    same = len(home.keys) == len(one.keys)
    return f"{'is the same as' if same else 'is the beginning of'} {home.name}"


def is_unread(one: Index, table_scans: int | None) -> bool:
    """Whether it was never scanned while its table was read often, and nothing rests on it."""
    often = table_scans is not None and table_scans >= MIN_SCANS
    return often and one.scans == 0 and not (one.unique or one.primary or one.needed)


def _replaces(other: Index, one: Index) -> bool:
    """Whether `other` does all that `one` does."""
    if not one.keys or one.primary or one.needed:
        return False
    if (other.method, other.predicate) != (one.method, one.predicate):
        return False
    same = other.keys == one.keys
    if one.unique and not (same and other.unique):
        return False
    if not same and (one.method != "btree" or other.keys[: len(one.keys)] != one.keys):
        return False
    return {*one.included} <= {*other.columns, *other.included}


def _least_wanted(one: Index) -> tuple[bool, bool, int, str]:
    return (one.primary or one.needed, one.unique, len(one.keys) + len(one.included), one.name)
