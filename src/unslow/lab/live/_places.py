"""Knows where the files lie that recorded sites name, and how an editor opens them."""

from pathlib import Path

from unslow.lab.live._editor import link
from unslow.lab.target._sites import Relative
from unslow.model import Site


class Places:
    """The source roots: the target's own, and the folders of packages that count as its code."""

    def __init__(self, root: Path, editor: str) -> None:
        self.root = root
        self.relative = Relative({str(root): ""})
        self._editor = editor
        self._packages: dict[str, Path] = {}

    @property
    def roots(self) -> tuple[str, ...]:
        folders = (str(place.parent) for place in self._packages.values())
        return tuple(dict.fromkeys((str(self.root), *folders)))

    def learn(self, packages: dict[str, str]) -> None:
        """Count packages that the application calls its own."""
        for name, place in packages.items():
            path = Path(place)
            if name not in self._packages and not path.is_relative_to(self.root):
                self._packages[name] = path
                self.relative.add(place, name)

    def file(self, path: str) -> Path:
        """The file of a site's path."""
        if (self.root / path).is_file():
            return self.root / path
        package = self._packages.get(path.partition("/")[0])
        return package.parent / path if package is not None else self.root / path

    def read(self, path: str) -> bytes:
        """Its bytes. Raises OSError."""
        return self.file(path).read_bytes()

    def link(self, site: Site) -> str:
        """The URL that opens the site in the editor."""
        return link(self._editor, self.file(site.path), site.line, site.column + 1)
