"""Runs both versions side by side and judges the change: gates, clock, replication, report."""

from unslow.lab.compare._options import Options
from unslow.lab.compare.versions import Versions
from unslow.lab.target import Target
from unslow.model import Report
from unslow.progress import Progress


def compare(target: Target, versions: Versions, options: Options, progress: Progress) -> Report:
    """The report whose `comparison` holds the verdict on the candidate.

    A candidate that does not start, stops answering or answers differently is a verdict. Raises
    `UnslowError` when the base fails or nothing can be exercised.
    """
    raise NotImplementedError
