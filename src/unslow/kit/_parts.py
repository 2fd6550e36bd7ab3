"""Starts what a middleware was asked for, the same for every framework."""

from unslow.kit import _checks, metrics, query_log, slow_log
from unslow.kit._settings import Settings
from unslow.observe import _embedded


def start(settings: Settings) -> None:
    """Record, log, count and check as the settings say. Raises `UsageError`."""
    _embedded.start()
    slow_log.start(settings)
    query_log.configure(settings.query_log)
    _checks.drivers()
    if settings.metrics:
        metrics.start()
