"""Writes the kept fixes of a report: into the work tree, or as commits on a branch."""

from unslow.lab.write._kept import kept, preview
from unslow.lab.write.branch import to_branch
from unslow.lab.write.tree import to_tree

__all__ = ["kept", "preview", "to_branch", "to_tree"]
