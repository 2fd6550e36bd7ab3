"""What the detectors of long responses share: which answers are text, and how long they are."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from statistics import median_high

from unslow.model import Cost, Finding, PayloadEvidence, Request, Trace

TEXTS = ("text/", "application/json", "application/xml", "application/javascript", "image/svg")


def is_text(request: Request) -> bool:
    kind = request.content_type
    return kind.startswith(TEXTS) or kind.endswith(("+json", "+xml"))


def long_responses(
    trace: Trace, wanted: Callable[[Request], bool], least: int
) -> Iterator[tuple[str, list[Request]]]:
    """The endpoints whose median answer has `least` bytes, with their answers that are `wanted`."""
    by_endpoint: defaultdict[str, list[Request]] = defaultdict(list)
    for request in trace.requests:
        if request.status == 200 and request.response_bytes:
            by_endpoint[request.endpoint].append(request)
    for endpoint, answers in by_endpoint.items():
        long = median_high(one.response_bytes for one in answers) >= least
        if long and all(map(wanted, answers)):
            yield endpoint, answers


def finding(id: str, what: str, endpoint: str, answers: list[Request]) -> Finding:
    """A finding at the view, which costs nothing that the server could measure."""
    size = median_high(one.response_bytes for one in answers)
    view = answers[0].view
    place = f" ({view.path}:{view.line} in {view.function})" if view else ""
    return Finding(
        id=id,
        title=f"{endpoint} {what.format(size=_shown(size))}{place}",
        severity="low",
        confidence="possible",
        endpoints=(endpoint,),
        cause=view,
        symptom=None,
        evidence=PayloadEvidence(size, answers[0].content_type, len(answers)),
        cost=Cost(0.0, 0.0, 0.0),
    )


def _shown(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{size / 1000:.0f} kB"
