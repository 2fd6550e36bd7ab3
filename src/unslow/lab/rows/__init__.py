"""What application code does with the rows of a query, as far as its source shows it."""

from unslow.lab.rows._file import File, Files
from unslow.lab.rows._flow import Rows, Use, rows_at

__all__ = ["File", "Files", "Rows", "Use", "rows_at"]
