"""Copies the application's sources, so that patches never touch the originals."""

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from unslow.errors import UnslowError
from unslow.lab import patching
from unslow.lab.target import _sqlite
from unslow.lab.target._types import Tree
from unslow.model import Patch

LEFT_OUT = frozenset(
    {
        ".git", ".hg", ".svn", ".tox", ".nox", ".venv", ".idea", ".vscode", ".cache",
        "node_modules", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache",
        ".hypothesis", ".eggs", "site-packages",
    }
)  # fmt: skip
MAX_BYTES = 4 * 2**30  # a root beyond this is a home folder or holds data, not an application

Copy = Callable[[Path, Path], None]


class Trees:
    """A base copy of the sources in `folder`, and a tree per set of patches beside it."""

    def __init__(self, folder: Path, root: Path, ground: Patch | None = None) -> None:
        self._folder = folder
        self._root = root
        self._base = folder / "base"
        self._packages: dict[str, Path] = {}  # file or folder name -> original
        self._trees: dict[str, Tree] = {}
        with _explained(root):
            _check_size(root)
            _copy(root, self._base / "root", _copy_file)
            (self._base / "overlay").mkdir()
            if ground is not None:
                _change(self._base, (ground,))
        self._ground = ground

    @property
    def roots(self) -> tuple[str, ...]:
        parents = dict.fromkeys(str(place.parent) for place in self._packages.values())
        return (str(self._root), *parents)

    @property
    def packages(self) -> tuple[str, ...]:
        """The import names of the source packages."""
        return tuple(Path(name).stem for name in self._packages)

    @property
    def places(self) -> dict[str, Path]:
        """Where the source packages outside the root were copied from, by file name."""
        return dict(self._packages)

    def add_package(self, place: Path) -> None:
        """Count an installed package (its folder, or a module's file) as application code."""
        if place.name in self._packages:
            return
        target = self._base / "overlay" / place.name
        with _explained(place):
            if place.is_dir():
                _copy(place, target, _copy_file)
            else:
                _copy_file(place, target)
        self._packages[place.name] = place
        self._trees.clear()

    def read(self, path: str) -> bytes:
        return _place(self._base, path).read_bytes()

    def original(self, path: Path) -> Path:
        """The user's own file for a path in any tree; other paths stay as they are."""
        if not path.is_relative_to(self._folder):
            return path
        _, part, *rest = path.relative_to(self._folder).parts
        if part == "root":
            return self._root.joinpath(*rest)
        return self._packages[rest[0]].parent.joinpath(*rest) if rest else path

    def tree(self, patches: Sequence[Patch]) -> Tree:
        changed = patching.apply(patches, self.read)
        whole = [(one.whole, one.removed, one.prepare, one.command) for one in patches]
        parts = msgspec.json.encode((sorted(changed.items()), whole))
        key = hashlib.sha256(parts).hexdigest()[:12]
        if key not in self._trees:
            with _explained(self._root):
                self._trees[key] = self._make(key, changed, patches)
        return self._trees[key]

    def _make(self, key: str, changed: Mapping[str, bytes], patches: Sequence[Patch]) -> Tree:
        place = self._folder / f"{key}-{len(self._packages)}"
        # The application may write to files of its own folder; nobody writes to a package.
        _copy(self._base / "root", place / "root", _copy_file)
        _copy(self._base / "overlay", place / "overlay", os.link)
        for path, content in changed.items():
            target = _place(place, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)  # it may be a link to the base copy
            target.write_bytes(content)
        _change(place, patches)
        commands = [one.command for one in (*self._grounds, *patches) if one.command]
        return Tree(
            key,
            place / "root",
            place / "overlay",
            prepare=_prepare((*patches, *self._grounds)),
            command=commands[-1] if commands else (),
        )

    @property
    def _grounds(self) -> tuple[Patch, ...]:
        return () if self._ground is None else (self._ground,)


def _prepare(patches: Sequence[Patch]) -> tuple[tuple[str, ...], ...]:
    """Each command once, migrations first, then what both versions need."""
    return tuple(dict.fromkeys(words for one in patches for words in one.prepare))


def _change(place: Path, patches: Sequence[Patch]) -> None:
    """Write whole files over a copy, and take out what a version lacks."""
    for patch in patches:
        for path in patch.removed:
            with contextlib.suppress(IsADirectoryError, NotADirectoryError):
                _place(place, path).unlink(missing_ok=True)
        for file in patch.whole:
            target = _place(place, file.path)
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            target.unlink(missing_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.link:
                target.symlink_to(os.fsdecode(file.content))
            else:
                target.write_bytes(file.content)
                target.chmod(0o755 if file.executable else 0o644)


def source_files(folder: Path) -> Iterator[Path]:
    """The files below a folder that count as an application: no environments, no caches."""
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from source_files(Path(entry.path))
        elif entry.is_file():
            yield Path(entry.path)


def _place(base: Path, path: str) -> Path:
    """Where a path of a site or patch lies: in the root, unless only a package can hold it."""
    parts = PurePosixPath(path).parts
    if not parts or ".." in parts or path.startswith("/"):
        raise FileNotFoundError(errno.ENOENT, "not a path below a source root", path)
    in_root = base.joinpath("root", *parts)
    in_package = base.joinpath("overlay", *parts)
    if in_root.exists() or not base.joinpath("overlay", parts[0]).exists():
        return in_root
    return in_package


def _copy(source: Path, target: Path, copy: Copy) -> None:
    """Copy a folder. What is no source code, or not readable, is left out."""
    target.mkdir(parents=True, exist_ok=True)
    for entry in _entries(source):
        place = target / entry.name
        if entry.is_dir(follow_symlinks=False):
            _copy(Path(entry.path), place, copy)
        elif entry.is_symlink() and (Path(entry.path).is_dir() or not Path(entry.path).exists()):
            place.symlink_to(os.readlink(entry.path))
        elif entry.is_file():
            with contextlib.suppress(PermissionError):
                copy(Path(entry.path), place)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except PermissionError:
        return
    for entry in found:
        if entry.name in LEFT_OUT or entry.name.endswith(".pyc"):
            continue
        if entry.is_dir() and os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):
            continue
        yield entry


def _copy_file(source: Path, target: Path) -> None:
    if _sqlite.is_database(source):
        target.touch()  # opening it is answered with a clone of the original
        return
    shutil.copyfile(source, target)
    mode = source.stat().st_mode
    target.chmod(0o644 | (mode & 0o111))


def _check_size(root: Path) -> None:
    free = shutil.disk_usage(tempfile.gettempdir()).free // 2
    total = 0
    for size in _sizes(root):
        total += size
        if total > free:
            raise _no_space(root)
        if total > MAX_BYTES:
            raise UnslowError(
                f"{root} holds more than {MAX_BYTES // 2**30} GB, which unslow would copy to try "
                "fixes on. Run it from the application's own folder."
            )


def _no_space(source: Path) -> UnslowError:
    return UnslowError(
        f"No space left in {tempfile.gettempdir()} for copies of {source}. Free some, or point "
        "TMPDIR at a larger disk."
    )


def _sizes(folder: Path) -> Iterator[int]:
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _sizes(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield entry.stat(follow_symlinks=False).st_size


@contextlib.contextmanager
def _explained(source: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _no_space(source) from error
        raise UnslowError(f"{source} could not be copied: {error}") from error
