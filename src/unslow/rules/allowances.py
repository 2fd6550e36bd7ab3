"""Comments that allow findings: `# unslow: allow repeated-query -- why (until=2027-01-31)`."""

import io
import re
import tokenize
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from unslow.model import Finding

COMMENT = re.compile(r"#\s*unslow:\s*allow\s+([a-z][a-z0-9, -]*?)\s*(?:--\s*(.*)|$)")
UNTIL = re.compile(r"\(until=([^)]*)\)")


@dataclass(frozen=True)
class Allowance:
    """One comment. `covers` is the line of code that it speaks of: its own, or the next one."""

    path: str
    line: int
    column: int
    end_column: int
    covers: int
    rules: tuple[str, ...]
    reason: str = ""
    until: str = ""

    def is_past(self, today: date) -> bool:
        """Whether its date is over, or is no date."""
        if not self.until:
            return False
        try:
            return date.fromisoformat(self.until) < today
        except ValueError:
            return True

    def allows(self, finding: Finding) -> bool:
        """Whether it names the finding, at its cause or where it shows."""
        places = (site for site in (finding.cause, finding.symptom) if site)
        return finding.id in self.rules and any(
            site.path == self.path and site.line <= self.covers <= site.end_line for site in places
        )


@dataclass
class Allowances:
    """The comments of the files that are asked for, reading each once."""

    read: Callable[[str], bytes]
    _files: dict[str, tuple[Allowance, ...]] = field(default_factory=dict)

    def of(self, path: str) -> tuple[Allowance, ...]:
        if path not in self._files:
            try:
                text = self.read(path).decode("utf-8", "replace")
            except OSError:
                text = ""
            self._files[path] = tuple(_allowances(path, text)) if "unslow" in text else ()
        return self._files[path]

    def named(self, finding: Finding) -> list[Allowance]:
        """The comments that name the finding at its places."""
        paths = dict.fromkeys(site.path for site in (finding.cause, finding.symptom) if site)
        return [one for path in paths for one in self.of(path) if one.allows(finding)]


def _allowances(path: str, text: str) -> Iterator[Allowance]:
    lines = text.splitlines()
    for number, column, comment in _comments(path, text):
        match = COMMENT.search(comment)
        if match is None:
            continue
        reason, until = match[2] or "", ""
        if dated := UNTIL.search(reason):
            until = dated[1].strip()
            reason = UNTIL.sub("", reason)
        yield Allowance(
            path=path,
            line=number,
            column=len(lines[number - 1][:column].encode()),
            end_column=len(lines[number - 1][: column + len(comment)].encode()),
            covers=_covered(lines, number, column),
            rules=tuple(name for part in match[1].split(",") if (name := part.strip())),
            reason=reason.strip(),
            until=until,
        )


def _covered(lines: Sequence[str], number: int, column: int) -> int:
    """A comment alone on its lines speaks of the line that follows them."""
    if lines[number - 1][:column].strip():
        return number
    below = range(number, len(lines))
    return next((n + 1 for n in below if not lines[n].lstrip().startswith("#")), number)


def _comments(path: str, text: str) -> Iterator[tuple[int, int, str]]:
    """Line, column and text of each comment; of a file that is no Python, each line that has one.

    What stands in a string is no comment.
    """
    if path.endswith(".py"):
        try:
            for token in tokenize.generate_tokens(io.StringIO(text).readline):
                if token.type == tokenize.COMMENT:
                    yield token.start[0], token.start[1], token.string
        except (tokenize.TokenError, SyntaxError):
            return
    else:
        for number, line in enumerate(text.splitlines(), 1):
            if (start := line.find("#")) >= 0:
                yield number, start, line[start:]
