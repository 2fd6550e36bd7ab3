"""Sites of expressions in a small source: `at(SOURCE, "fetch(url)", "view")`."""

from unslow.model import Site


def at(source: str, text: str, within: str, path: str = "shop/api.py") -> Site:
    """The first `text` after `def within`."""
    start = source.index(text, source.index(f"def {within}("))
    line = source.count("\n", 0, start) + 1
    column = start - source.rfind("\n", 0, start) - 1
    ends = text.rpartition("\n")[2]
    last = column + len(text) if ends == text else len(ends)
    return Site(path, line, line + text.count("\n"), column, last, within)
