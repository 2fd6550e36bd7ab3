"""Advises indexes for a whole workload: reads its statements, plans with candidates, tries them."""

from unslow.lab.indexing.advice import Advice, Advised, Existing, Left
from unslow.lab.indexing.advising import Options, advise

__all__ = ["Advice", "Advised", "Existing", "Left", "Options", "advise"]
