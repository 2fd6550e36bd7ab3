"""A place in source code, exact to the column."""

import msgspec


class Site(msgspec.Struct, frozen=True):
    """One expression in one file.

    `path` is relative to the source root that holds the file (see `Trace.roots`) for application
    code, and absolute for library code. Lines are 1-based, columns are 0-based UTF-8 byte offsets,
    both as in `ast` (a code object's `co_positions` gives the same).
    """

    path: str
    line: int
    end_line: int
    column: int
    end_column: int
    function: str
