"""Two versions of one application: revisions, a patch, folders, or the work tree itself."""

import shlex
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from unslow.errors import UsageError
from unslow.lab.compare import _folders, _migrations, _patch_file, _statements
from unslow.lab.compare._files import Files, differing, existing, is_data, patch_of
from unslow.lab.compare._git import Repository, Revision, repository
from unslow.lab.target import Target
from unslow.model import Patch

WORK_TREE = "the work tree"
PATCHES = (".patch", ".diff")
SHOWN = 5  # file names in a note


class NothingToCompare(UsageError):
    """Both versions are the same code."""


@dataclass(frozen=True)
class Version:
    """A version by its label. The base's `patch` applies to the target's folder as it lies there,
    the candidate's to the base; so what neither version tracks is present in both."""

    label: str
    patch: Patch


@dataclass(frozen=True)
class Versions:
    """`files` differ between the two (below the target's root), `notes` say what was left out."""

    base: Version
    candidate: Version
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def place(base: str | None, candidate: str | None, cwd: Path) -> Path:
    """The folder to find the application in: the first of two folders, else the current one."""
    if base and candidate and _is_folder(base, cwd) and _is_folder(candidate, cwd):
        return (cwd / base).resolve()
    return cwd


def prepared(versions: Versions, command: str | tuple[str, ...]) -> Versions:
    """The versions with a command that both need on every clone before they start."""
    words = tuple(shlex.split(command)) if isinstance(command, str) else command
    if not words:
        return versions
    ground = msgspec.structs.replace(versions.base.patch, prepare=(words,))
    return replace(versions, base=replace(versions.base, patch=ground))


def resolve(base: str | None, candidate: str | None, target: Target) -> Versions:
    """The two versions that the arguments of `unslow prove` name.

    Raises `UsageError` when one is unknown, when they share no history, when a patch does not
    apply, or when there is nothing to compare.
    """
    cwd = Path.cwd()
    if base and candidate is None and _is_change(base):
        base, candidate = None, base
    found = _Places(target, repository(target.root))
    if candidate and candidate.endswith(".sql"):
        return found.statements(base, cwd / candidate)
    if candidate and candidate.endswith(PATCHES):
        return found.patched(base, cwd / candidate)
    if base and candidate and _is_folder(candidate, cwd):
        return found.folders(base, cwd / base, cwd / candidate)
    return found.revisions(base, candidate)


@dataclass(frozen=True)
class _Places:
    """The target, and the repository that holds it, if one does."""

    target: Target
    repository: Repository | None

    @property
    def root(self) -> Path:
        return self.target.root

    def revisions(self, base: str | None, candidate: str | None) -> Versions:
        git = self._git()
        first, second = _range(base, candidate)
        if candidate is None and "..." in (base or ""):
            ends = git.revision(first), git.revision(second or "HEAD")
            return self._between(git.merge_base(*ends), ends[1])
        before = git.revision(first)
        if second is None:
            return self._against_work_tree(before)
        after = git.revision(second)
        if before.commit == after.commit:
            raise NothingToCompare(f"{before.label} and {after.label} are the same commit")
        git.merge_base(before, after)
        return self._between(before, after)

    def patched(self, base: str | None, patch: Path) -> Versions:
        leads = tuple(dict.fromkeys(("", self._prefix)))
        if base is None:
            ground, label = Patch("version", WORK_TREE, "review"), WORK_TREE
            files = _patch_file.applied(patch, self._in_work_tree, leads, label)
        else:
            revision = self._git().revision(base)
            ground, label = self._ground(revision), revision.label
            files = _patch_file.applied(
                patch, lambda paths: self._in(revision, paths), leads, label
            )
        return self._versions(label, ground, patch.name, *files)

    def statements(self, base: str | None, file: Path) -> Versions:
        if base is None:
            ground, label = Patch("version", WORK_TREE, "review"), WORK_TREE
        else:
            revision = self._git().revision(base)
            ground, label = self._ground(revision), revision.label
        change = _statements.patch_of(file)
        return Versions(Version(label, ground), Version(file.name, change), (file.name,))

    def folders(self, base: str, first: Path, second: Path) -> Versions:
        if not first.is_dir():
            raise UsageError(f"{base} is no folder; compare a folder with another folder")
        tracked = self.repository.tracked() if self.repository else None
        before, after = _folders.files_of(self.root, second.resolve(), tracked)
        ground = Patch("version", str(first), "review")
        alone = replace(self, repository=None)
        return alone._versions(_name(first), ground, _name(second), before, after)

    def _between(self, before: Revision, after: Revision) -> Versions:
        git = self._git()
        changed = git.between(before, after)
        files = self._in(before, changed.paths), self._in(after, changed.paths)
        notes = _submodules(changed.submodules)
        return self._versions(before.label, self._ground(before), after.label, *files, notes)

    def _against_work_tree(self, base: Revision) -> Versions:
        """The work tree as it lies there, with modules that were not added yet."""
        git = self._git()
        changed = git.against_work_tree(base)
        paths = (*changed.paths, *git.untracked_modules(base))
        before, after = self._in(base, paths), self._in_work_tree(paths)
        ground = patch_of(base.label, self._below(differing(after, before)))
        if not differing(before, after):
            raise NothingToCompare(
                f"nothing to compare: the work tree is as {base.label}. Change something, or name "
                "two versions: unslow prove main feature"
            )
        notes = _submodules(changed.submodules)
        return self._versions(base.label, ground, WORK_TREE, before, after, notes)

    def _ground(self, revision: Revision) -> Patch:
        """From the work tree to a revision, by what git tracks in either."""
        paths = self._git().against_work_tree(revision).paths
        files = differing(self._in_work_tree(paths), self._in(revision, paths))
        return patch_of(revision.label, self._below(files))

    def _versions(
        self,
        base: str,
        ground: Patch,
        candidate: str,
        before: Files,
        after: Files,
        notes: tuple[str, ...] = (),
    ) -> Versions:
        """The versions from the files of both that may differ, by path from the top."""
        every = differing(before, after)
        change = self._below(every)
        notes = (*notes, *_left_out(before, after, every), *self._outside(every, change))
        if not change:
            more = f" ({'; '.join(notes)})" if notes else ""
            raise NothingToCompare(
                f"nothing to compare: {base} and {candidate} are the same in {self.root}{more}"
            )
        prepare = _migrations.commands(self._below(before), change, self.target)
        patch = msgspec.structs.replace(patch_of(candidate, change), prepare=prepare)
        return Versions(
            Version(base, ground), Version(candidate, patch), tuple(sorted(change)), notes
        )

    def _below(self, files: Files) -> Files:
        """What lies below the application's root, by paths from there."""
        prefix = self._prefix
        return {
            path.removeprefix(prefix): file
            and msgspec.structs.replace(file, path=path.removeprefix(prefix))
            for path, file in files.items()
            if path.startswith(prefix)
        }

    def _outside(self, every: Files, change: Files) -> Iterable[str]:
        outside = [path for path in every if path.removeprefix(self._prefix) not in change]
        if outside:
            yield f"outside of {self.root}, the same in both: {_named(outside)}"

    @property
    def _prefix(self) -> str:
        return self.repository.prefix if self.repository else ""

    @property
    def _top(self) -> Path:
        return self.repository.top if self.repository else self.root

    def _in_work_tree(self, paths: Iterable[str]) -> Files:
        return existing(self._top, paths)

    def _in(self, revision: Revision, paths: Iterable[str]) -> Files:
        wanted = tuple(paths)
        found = self._git().files(revision, wanted)
        return {path: found.get(path) for path in wanted}

    def _git(self) -> Repository:
        if self.repository is None:
            raise UsageError(
                f"{self.root} is in no git repository: there is nothing to compare it with. Name "
                "two folders, or a patch: unslow prove change.patch"
            )
        return self.repository


def _range(base: str | None, candidate: str | None) -> tuple[str, str | None]:
    """The ends of `A..B` or `A...B`; an end that is left out is HEAD."""
    if candidate is None and base and ".." in base:
        dots = "..." if "..." in base else ".."
        first, _, second = base.partition(dots)
        return first or "HEAD", second or "HEAD"
    return base or "HEAD", candidate


def _is_change(argument: str) -> bool:
    return argument.endswith((*PATCHES, ".sql"))


def _is_folder(argument: str, cwd: Path) -> bool:
    return (cwd / argument).is_dir()


def _submodules(paths: Collection[str]) -> tuple[str, ...]:
    return (f"submodules stay as they lie there: {_named(paths)}",) if paths else ()


def _left_out(before: Files, after: Files, every: Files) -> Iterable[str]:
    data = [
        path
        for path in {*before, *after}
        if before.get(path) != after.get(path)
        and path not in every
        and (is_data(before.get(path)) or is_data(after.get(path)))
    ]
    if data:
        yield f"data, not code, and the same in both: {_named(sorted(data))}"


def _name(folder: Path) -> str:
    return folder.resolve().name


def _named(paths: Collection[str]) -> str:
    listed = list(paths)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more
