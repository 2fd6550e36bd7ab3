"""Orders tables so that parents come before children, those of a cycle together."""

from unslow.lab.growth.catalogue import Catalogue, Table


def groups(catalogue: Catalogue) -> list[list[Table]]:
    """The tables: those that refer to one another are one group."""
    return _Walk(catalogue).run()


class _Walk:
    """Tarjan's algorithm: a group is complete before those that lead to it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._tables = {one.name: one for one in catalogue.tables}
        self._number: dict[str, int] = {}
        self._lowest: dict[str, int] = {}
        self._path: list[str] = []
        self._groups: list[list[Table]] = []

    def run(self) -> list[list[Table]]:
        for name in self._tables:
            if name not in self._number:
                self._visit(name)
        return self._groups

    def _visit(self, name: str) -> None:
        self._number[name] = self._lowest[name] = len(self._number)
        self._path.append(name)
        for parent in self._parents(name):
            if parent not in self._number:
                self._visit(parent)
            if parent in self._path:
                self._lowest[name] = min(self._lowest[name], self._lowest[parent])
        if self._lowest[name] == self._number[name]:
            start = self._path.index(name)
            members = sorted(self._path[start:], key=lambda one: self._number[one], reverse=True)
            self._groups.append([self._tables[one] for one in members])
            del self._path[start:]

    def _parents(self, name: str) -> list[str]:
        parents = {key.parent for key in self._tables[name].foreign}
        return sorted(parents & self._tables.keys() - {name})
