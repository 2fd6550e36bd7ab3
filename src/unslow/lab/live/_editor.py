"""Writes the links that open a place of the source in an editor."""

import re
from pathlib import Path
from urllib.parse import quote

from unslow.errors import UsageError

EDITORS = {
    "vscode": "vscode://file/{path}:{line}:{column}",
    "cursor": "cursor://file/{path}:{line}:{column}",
    "pycharm": "pycharm://open?file={path}&line={line}&column={column}",
    "sublime": "subl://open?url=file://{path}&line={line}&column={column}",
    "zed": "zed://file/{path}:{line}:{column}",
}
_LINK = re.compile(r"(?!javascript:|data:)[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def template(editor: str) -> str:
    """The link of a known editor, or a template of one's own. Raises UsageError."""
    if editor in EDITORS:
        return EDITORS[editor]
    if _LINK.match(editor) and "{path}" in editor:
        try:
            editor.format(path="", line=1, column=1)
        except (KeyError, IndexError, ValueError) as error:
            raise UsageError(
                f"--editor {editor!r} names something else than {{path}}, {{line}} and {{column}}"
            ) from error
        return editor
    raise UsageError(
        f"--editor {editor!r} is none of {', '.join(EDITORS)}, nor a template such as "
        "'vscode://file/{path}:{line}:{column}'"
    )


def link(template: str, path: Path, line: int, column: int) -> str:
    """A URL; `column` is 1-based. The path begins with the slash that the templates leave out."""
    text = quote(path.as_posix())
    if "file/{path}" in template:
        text = text.lstrip("/")
    return template.format(path=text, line=line, column=column)
