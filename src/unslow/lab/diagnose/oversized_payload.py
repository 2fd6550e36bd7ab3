"""oversized-payload: an answer is longer than a client can use at once."""

from collections.abc import Iterator

from unslow.lab.diagnose import _payloads as payloads
from unslow.model import Finding, Request, Trace

MIN_BYTES = 1_000_000  # of text or JSON; files and images are as long as they are


def find(trace: Trace) -> Iterator[Finding]:
    """One finding for each endpoint that usually sends a megabyte of text or more."""
    for endpoint, answers in payloads.long_responses(trace, _is_data, MIN_BYTES):
        yield payloads.finding("oversized-payload", "sends {size} at once", endpoint, answers)


def _is_data(request: Request) -> bool:
    return payloads.is_text(request) and request.content_type != "text/csv"
