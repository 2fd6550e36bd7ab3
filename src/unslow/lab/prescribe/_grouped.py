"""The loop over groups instead of rows, in the words of both ORMs."""

import ast
from collections.abc import Sequence

from unslow.lab.rows._groups import Groups, Line
from unslow.lab.rows._places import free_name


def columns(groups: Groups) -> list[Line]:
    """The lines whose values the database gives, equal ones once."""
    found: dict[str, Line] = {}
    for line in groups.lines:
        if line.form != "first":
            found.setdefault(_what(line), line)
    return list(found.values())


def loop(groups: Groups) -> tuple[str, str]:
    """What stands before the iterable of the loop, and what follows it."""
    file, place = groups.rows.file, groups.place
    key = free_name(file, place, groups.attribute, f"{groups.attribute}_key")
    names = dict(zip(map(_what, columns(groups)), _names(groups, key), strict=True))
    deeper = file.indent(place) + "    "
    lines = [
        f"\n{deeper}{text}"
        for line in groups.lines
        for text in _written(line, key, names.get(_what(line), ""))
    ]
    return f"for {', '.join([key, *names.values()])} in ", ":" + "".join(lines)


def _names(groups: Groups, key: str) -> Sequence[str]:
    taken = [key]
    for line in columns(groups):
        wanted = line.value.fields[0].name if line.value and line.value.plain else ""
        wanted = wanted or ("amount" if line.value else "count")
        names = [one for one in (wanted, f"{wanted}_sum") if one not in taken]
        taken.append(free_name(groups.rows.file, groups.place, *names, f"{wanted}_of_group"))
    return taken[1:]


def _what(line: Line) -> str:
    return line.value.text if line.value else ""


def _written(line: Line, key: str, value: str) -> list[str]:
    into = f"{line.into}[{key}]"
    if line.form == "first":
        return [f"if {key} not in {line.into}:", f"    {into} = {line.start}"]
    if line.form == "get":
        return [f"{into} = {line.into}.get({key}, {line.start}) + {value}"]
    return [f"{into} += {value}"]


def is_loop(groups: Groups) -> bool:
    return isinstance(groups.place, ast.For)
