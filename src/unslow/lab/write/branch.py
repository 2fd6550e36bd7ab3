"""Writes each kept fix as a commit on a new branch, by git's plumbing: nothing is checked out."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from unslow.errors import UnslowError, UsageError
from unslow.lab.write import _kept
from unslow.lab.write._message import message
from unslow.model import Report

NEW = "0" * 40  # what update-ref expects of a branch that must not exist yet


def to_branch(report: Report, root: Path, name: str) -> list[str]:
    """Make branch `name` from HEAD with one commit per kept fix; the answer lists them.

    The work tree, the index and the current branch stay as they are. Raises UnslowError when
    HEAD does not hold the audited files, UsageError when there is no repository or `name` is
    taken.
    """
    git = Git(root)
    parent = git.head()
    git.require_new(name)
    read = _kept.audited(report, git.reader(parent))
    fixes, elsewhere = _committed(_kept.kept(report), read)
    lines = []
    fixes = _kept.in_row(fixes)
    with tempfile.TemporaryDirectory(prefix="unslow-index-") as folder:
        git.index = Path(folder) / "index"
        git.run("read-tree", parent)
        for count in range(1, len(fixes) + 1):
            files = _kept.contents(fixes[:count], read)
            script = _kept.sql_script(report, fixes[:count])
            if script:
                files[_kept.SQL_FILE] = script.encode()
            text = message(*fixes[count - 1])
            parent = git.commit(files, parent, text)
            lines.append(f"{parent[:10]} {text.splitlines()[0]}")
    git.run("update-ref", f"refs/heads/{name}", parent, NEW)
    lines.append(f"branch {name} holds {len(fixes)} commit{'s' if len(fixes) != 1 else ''}")
    return lines + _kept.left_out(elsewhere)


def _committed(
    fixes: Sequence[_kept.Kept], read: _kept.Read
) -> tuple[list[_kept.Kept], list[_kept.Kept]]:
    try:
        here, elsewhere = _kept.split(fixes, read)
        _kept.require_some(here, elsewhere)
    except UnslowError as error:
        raise UnslowError(
            f"{error} (a branch starts from the last commit: commit what was audited first)"
        ) from error
    return here, elsewhere


class Git:
    """Git in the repository that holds `root`, with an index of its own once `index` is set."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.index: Path | None = None
        self._top = Path(self.run("rev-parse", "--show-toplevel"))
        self._prefix = self.run("rev-parse", "--show-prefix")

    def run(self, *words: str, stdin: bytes | None = None) -> str:
        return self.read(*words, stdin=stdin).decode().strip()

    def read(self, *words: str, stdin: bytes | None = None) -> bytes:
        environment = dict(os.environ)
        if self.index:
            environment["GIT_INDEX_FILE"] = str(self.index)
        try:
            done = subprocess.run(
                ["git", "-C", str(self._root), *words],
                input=stdin or b"",
                capture_output=True,
                env=environment,
                check=False,
            )
        except FileNotFoundError as error:
            raise UsageError("--branch needs git, which is not installed") from error
        if done.returncode:
            raise self._error(done.stderr.decode(errors="replace").strip())
        return done.stdout

    def _error(self, said: str) -> UnslowError:
        if "not a git repository" in said:
            return UsageError(
                f"{self._root} is not in a git repository; `unslow fix` without --branch "
                "writes the fixes into the files"
            )
        return UnslowError(f"git: {said}")

    def head(self) -> str:
        try:
            return self.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        except UnslowError as error:
            raise UsageError("the repository has no commit yet to start a branch from") from error

    def require_new(self, name: str) -> None:
        try:
            self.run("check-ref-format", "--branch", name)
        except UnslowError as error:
            raise UsageError(f"{name} is not a name for a branch") from error
        if self.run("for-each-ref", f"refs/heads/{name}"):
            raise UsageError(f"branch {name} exists already; choose another name or delete it")

    def reader(self, commit: str) -> _kept.Read:
        """Reads files of a commit, by their path from the root of the application."""

        def read(path: str) -> bytes:
            _kept.inside(self._root, path)
            if not self.run("ls-tree", "--full-tree", commit, "--", self._prefix + path):
                raise FileNotFoundError(path)
            return self.read("cat-file", "blob", f"{commit}:{self._prefix}{path}")

        return read

    def commit(self, files: dict[str, bytes], parent: str, text: str) -> str:
        for path, content in files.items():
            full = self._prefix + path
            entry = self.run("ls-files", "--stage", "--full-name", "--", f":/{full}")
            mode = entry.split()[0] if entry else "100644"
            blob = self.run("hash-object", "-w", "--stdin", stdin=content)
            self.run("update-index", "--add", "--cacheinfo", f"{mode},{blob},{full}")
        tree = self.run("write-tree")
        return self.run("commit-tree", tree, "-p", parent, stdin=text.encode())
