"""The audited application's source as the fixers see it: files, parsed modules, models."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import libcst as cst

from unslow.lab.prescribe._module import Module
from unslow.model import Model, Trace

SKIPPED = frozenset({".git", ".hg", ".tox", ".nox", ".venv", "venv", "node_modules", "__pycache__"})


@dataclass
class Source:
    """Reads the files below `roots`; a path is relative to the first root that has it.

    `models` are what the application declares (by `label`), `trace` is where the finding is from.
    """

    roots: Sequence[str | Path]
    models: Sequence[Model] = ()
    trace: Trace | None = None
    _modules: dict[str, Module | None] = field(default_factory=dict, repr=False)

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
        """Paths that match the glob `pattern` ("**/migrations/*.py"), sorted, each once."""
        seen: set[str] = set()
        for root in self.roots:
            for file in sorted(Path(root).glob(pattern)):
                relative = file.relative_to(root)
                if file.is_file() and not SKIPPED.intersection(relative.parts):
                    path = relative.as_posix()
                    if path not in seen:
                        seen.add(path)
                        yield path

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

    def _parse(self, path: str) -> Module | None:
        try:
            return Module.parse(path, self.read(path))
        except (OSError, UnicodeDecodeError, cst.ParserSyntaxError):
            return None
