"""Reads revisions by git's plumbing; the user's work tree, index and branches stay untouched."""

import os
import subprocess
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from unslow.errors import UsageError
from unslow.lab.compare._files import whole_file
from unslow.model import WholeFile

SUBMODULE = "160000"
SHORT = 7
SECONDS = 120.0
NAMED_MODULES = 200  # untracked modules that are looked up in a revision
HOOK_VARIABLES = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"})
MISSING = "git is not installed; unslow prove reads revisions and patches with it"


@dataclass(frozen=True)
class Revision:
    """A commit as the user named it."""

    name: str
    commit: str

    @property
    def label(self) -> str:
        short = self.commit[:SHORT]
        return short if self.commit.startswith(self.name) else f"{self.name} ({short})"


@dataclass(frozen=True)
class Changed:
    """Paths from the repository's top that differ, and submodules among them."""

    paths: tuple[str, ...]
    submodules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Repository:
    """The repository that holds `folder`, an application's root."""

    folder: Path

    @cached_property
    def top(self) -> Path:
        found = git(("-C", str(self.folder), "rev-parse", "--show-toplevel"))
        return Path(os.fsdecode(found.stdout).rstrip("\n")).resolve()

    @cached_property
    def prefix(self) -> str:
        """Where the folder lies in the repository: "" or "backend/"."""
        relative = self.folder.resolve().relative_to(self.top).as_posix()
        return "" if relative == "." else f"{relative}/"

    def find(self, name: str) -> Revision | None:
        """The commit of that name, or None."""
        found = self._git(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
        )
        text = found.stdout.decode().strip()
        return Revision(name, text) if found.returncode == 0 and text else None

    def revision(self, name: str) -> Revision:
        found = self.find(name)
        if found is not None:
            return found
        if name == "HEAD":
            raise UsageError(f"{self.top} has no commit yet; there is nothing to compare with")
        shallow = self._text("rev-parse", "--is-shallow-repository") == "true"
        hint = "fetch it first; this clone is shallow" if shallow else "see git branch -a, git tag"
        raise UsageError(f"{name!r} is no revision of {self.top} ({hint}), no patch and no folder")

    def merge_base(self, one: Revision, other: Revision) -> Revision:
        """The last commit that both have. Raises UsageError for unrelated ones."""
        found = self._git("merge-base", one.commit, other.commit)
        if found.returncode:
            raise UsageError(
                f"{one.label} and {other.label} share no history: they are no two versions of one "
                "application. Compare their folders instead: unslow prove FOLDER FOLDER"
            )
        return Revision(f"merge base of {one.name} and {other.name}", found.stdout.decode().strip())

    def against_work_tree(self, revision: Revision) -> Changed:
        """What differs between a commit and the work tree, as far as git tracks it."""
        return self._changed(revision.commit)

    def between(self, base: Revision, candidate: Revision) -> Changed:
        return self._changed(base.commit, candidate.commit)

    def untracked_modules(self, revision: Revision) -> tuple[str, ...]:
        """Python files that git neither tracks nor ignores, and that `revision` does not name.

        They are work in progress. A local settings module that the revision imports stays.
        """
        listed = self._run("ls-files", "--others", "--exclude-standard", "-z", "--", "*.py")
        found = [path for path in listed.decode(errors="surrogateescape").split("\0") if path]
        return tuple(
            path
            for path in found[:NAMED_MODULES]
            if not (Path(path).stem != "__init__" and self._names(revision, Path(path).stem))
        )

    def tracked(self) -> frozenset[str]:
        """The tracked files below the folder, relative to it."""
        listed = self._git("-C", str(self.folder), "ls-files", "-z").stdout
        return frozenset(listed.decode(errors="surrogateescape").split("\0")) - {""}

    def files(self, revision: Revision, paths: Collection[str]) -> dict[str, WholeFile]:
        """The files of a commit as a checkout would write them; what it lacks is left out."""
        with tempfile.TemporaryDirectory(prefix="unslow-git-") as temporary:
            index = {"GIT_INDEX_FILE": str(Path(temporary, "index"))}
            self._run("read-tree", revision.commit, env=index)
            listed = self._run("ls-files", "-z", env=index).decode(errors="surrogateescape")
            wanted = sorted(set(paths).intersection(listed.split("\0")))
            self._run(
                "checkout-index",
                "-z",
                "--stdin",
                f"--prefix={temporary}/files/",
                env=index,
                given="\0".join(wanted).encode(errors="surrogateescape"),
            )
            made = ((path, Path(temporary, "files", path)) for path in wanted)
            return {path: whole_file(place, path) for path, place in made if not place.is_dir()}

    def _names(self, revision: Revision, module: str) -> bool:
        words = ("grep", "--quiet", "--word-regexp", "-F", "-e", module)
        found = self._git(*words, revision.commit, "--", "*.py")
        return found.returncode == 0

    def _changed(self, *commits: str) -> Changed:
        raw = self._run(
            "diff", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-ext-diff",
            "--ignore-submodules=dirty", *commits, "--",
        ).decode(errors="surrogateescape")  # fmt: skip
        fields = raw.split("\0")
        paths: list[str] = []
        submodules: list[str] = []
        for meta, path in zip(fields[::2], fields[1::2], strict=False):
            is_submodule = SUBMODULE in meta
            (submodules if is_submodule else paths).append(path)
        return Changed(tuple(dict.fromkeys(paths)), tuple(submodules))

    def _text(self, *words: str) -> str:
        return self._run(*words).decode(errors="surrogateescape").strip()

    def _run(
        self, *words: str, env: Mapping[str, str] | None = None, given: bytes | None = None
    ) -> bytes:
        found = self._git(*words, env=env, given=given)
        if found.returncode:
            said = found.stderr.decode(errors="replace").strip().splitlines()
            raise UsageError(f"git {words[0]} failed in {self.folder}: {said[-1] if said else '?'}")
        return found.stdout

    def _git(
        self, *words: str, env: Mapping[str, str] | None = None, given: bytes | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        return git(("-C", str(self.top), *words), env=env, given=given)


def repository(folder: Path) -> Repository | None:
    """The repository that `folder` lies in; None when there is none (or git is not installed)."""
    try:
        found = git(("-C", str(folder), "rev-parse", "--is-inside-work-tree"))
    except UsageError:
        return None
    return Repository(folder) if found.stdout.strip() == b"true" else None


def git(
    words: tuple[str, ...],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    given: bytes | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run git without locks, prompts, pagers and hooks of its own making."""
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        return subprocess.run(
            ("git", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", *words),
            input=given if given is not None else b"",
            capture_output=True,
            cwd=cwd,
            env={**_environment(), **quiet, **(env or {})},
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise UsageError(MISSING) from error
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"git {words[-1]} took more than {SECONDS:.0f} s") from error


def _environment() -> dict[str, str]:
    """Ours, without what a hook that unslow runs in has set."""
    return {name: value for name, value in os.environ.items() if name not in HOOK_VARIABLES}
