"""uncompressed-response: a long text leaves the application as it is."""

from collections.abc import Iterator

from unslow.lab.diagnose import _payloads as payloads
from unslow.model import Finding, Request, Trace

MIN_BYTES = 100_000  # 80 ms of a 10 Mbit/s line; below it compressing is a matter of taste


def find(trace: Trace) -> Iterator[Finding]:
    """One finding for each endpoint whose long texts nothing in the application compresses."""
    for endpoint, answers in payloads.long_responses(trace, _is_plain, MIN_BYTES):
        yield payloads.finding(
            "uncompressed-response", "sends {size} of text uncompressed", endpoint, answers
        )


def _is_plain(request: Request) -> bool:
    return payloads.is_text(request) and not request.content_encoding
