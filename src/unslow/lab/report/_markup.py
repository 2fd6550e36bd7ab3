"""Markdown in which nothing of the application is markup: text, code, fences, folds."""

import re

from unslow.lab.report import _phrases as say


def fold(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def text(value: str) -> str:
    """Text in which nothing is markup, a mention or a new cell, except code in backticks."""
    parts = say.spans(" ".join(value.split()))
    return "".join(code(part) if is_code else _plain(part) for part, is_code in parts)


def _plain(value: str) -> str:
    escaped = re.sub(r"([\\`*_\[\]|~#])", r"\\\1", value)
    escaped = escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("@", "@\u2060")


def code(value: str) -> str:
    """Inline code that may stand in a table cell."""
    value = " ".join(value.split()).replace("|", "\\|")
    ticks = "`" * (max(map(len, re.findall("`+", value)), default=0) + 1)
    pad = " " if "`" in value else ""
    return f"{ticks}{pad}{value}{pad}{ticks}"


def fence(value: str, language: str) -> str:
    ticks = "`" * max(3, max(map(len, re.findall("`+", value)), default=0) + 1)
    return f"{ticks}{language}\n{value.rstrip()}\n{ticks}"
