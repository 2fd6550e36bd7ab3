"""The audited application's source as the fixers see it: files, parsed modules, models."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import libcst as cst

from unslow.lab.prescribe._module import Module
from unslow.model import Model, Trace

SKIPPED = frozenset({".git", ".hg", ".tox", ".nox", ".venv", "venv", "node_modules", "__pycache__"})
INSTALLED = frozenset({"site-packages", "dist-packages"})  # foreign packages beside the own


@dataclass
class Source:
    """Reads the files below `roots`; a path is relative to the first root that has it.

    `models` are what the application declares (by `label`), `trace` is where the finding is from.
    """

    roots: Sequence[str | Path]
    models: Sequence[Model] = ()
    trace: Trace | None = None
    _modules: dict[str, Module | None] = field(default_factory=dict, repr=False)
    _listed: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    _contents: dict[str, bytes] = field(default_factory=dict, repr=False)

    def read(self, path: str) -> bytes:
        """The file's bytes. Raises `FileNotFoundError`."""
        return self.locate(path).read_bytes()

    def locate(self, path: str) -> Path:
        """Where the file lies on disk. Raises `FileNotFoundError`."""
        candidates = [Path(root) / path for root in self.roots]
        found = next((file for file in candidates if file.is_file()), None)
        if found is None:
            raise FileNotFoundError(path)
        return found

    def exists(self, path: str) -> bool:
        return any((Path(root) / path).is_file() for root in self.roots)

    def files(self, pattern: str) -> Iterator[str]:
        """Paths that match the glob `pattern` ("**/migrations/*.py"), sorted, each once.

        Of a folder of installed packages only those that the application is made of.
        """
        if pattern not in self._listed:
            found = (path for root in self.roots for path in self._matching(Path(root), pattern))
            self._listed[pattern] = tuple(dict.fromkeys(found))
        yield from self._listed[pattern]

    def mentioning(self, text: bytes) -> Iterator[str]:
        """The Python files that hold `text`; each is read once for all texts."""
        for path in self.files("**/*.py"):
            if path not in self._contents:
                with contextlib.suppress(OSError):
                    self._contents[path] = self.read(path)
            if text in self._contents.get(path, b""):
                yield path

    def _matching(self, root: Path, pattern: str) -> Iterator[str]:
        own = self._packages() if root.name in INSTALLED else frozenset()
        deep = own and pattern.startswith("**/")
        for folder in [root / name for name in sorted(own)] if deep else [root]:
            for file in sorted(folder.glob(pattern)):
                relative = file.relative_to(root)
                foreign = own and relative.parts[0] not in own
                if file.is_file() and not foreign and not SKIPPED.intersection(relative.parts):
                    yield relative.as_posix()

    def _packages(self) -> frozenset[str]:
        """The top folders of what the application declares."""
        routes = self.trace.routes if self.trace else ()
        sites = [*(model.site for model in self.models), *(route.site for route in routes)]
        return frozenset(Path(site.path).parts[0] for site in sites if site)

    def model(self, label: str) -> Model | None:
        """The model with this label (`shop.Order`, `shop.models.Order`)."""
        return next((model for model in self.models if model.label == label), None)

    def import_name(self, dotted: str) -> str:
        """A file's dotted path as Python imports it: without folders above the import root."""
        for model in self.models:
            whole = model.site.path.removesuffix(".py").replace("/", ".") if model.site else ""
            above = whole.removesuffix(model.module)
            if above and whole.endswith(f".{model.module}") and dotted.startswith(above):
                return dotted.removeprefix(above)
        return dotted

    def module(self, path: str) -> Module | None:
        """The parsed file, cached; None when it is absent or not Python that libcst reads."""
        if path not in self._modules:
            self._modules[path] = self._parse(path)
        return self._modules[path]

    @cached_property
    def own(self) -> frozenset[str]:
        """The project's own packages and modules, by the name that an import starts with."""
        folders = [Path(root) / part for root in self.roots for part in ("", "src")]
        found = [one for folder in folders if folder.is_dir() for one in folder.iterdir()]
        packages = {one.name for one in found if one.is_dir() and any(one.glob("*.py"))}
        modules = {one.stem for one in found if one.suffix == ".py"}
        return frozenset((packages | modules) - SKIPPED)

    def _parse(self, path: str) -> Module | None:
        try:
            return Module.parse(path, self.read(path), self.own)
        except (OSError, UnicodeDecodeError, cst.ParserSyntaxError):
            return None
