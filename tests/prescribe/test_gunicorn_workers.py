import pytest
from msgspec.structs import replace

from unslow.lab.prescribe import gunicorn_workers as fixer
from unslow.model import Server, ServerEvidence


def advice(bench, **fields):
    server = replace(Server("gunicorn", "sync", 2, 1, 4), **fields)
    finding = replace(bench.finding(id="misfit-workers"), evidence=ServerEvidence(server, 0.8))
    [only] = fixer.fix(finding, bench.source)
    return only


def test_silent_for_other_evidence(bench):
    assert list(fixer.fix(bench.finding(id="misfit-workers"), bench.source)) == []


@pytest.mark.parametrize("worker", ["sync", "gthread"])
def test_threads_are_tried_for_workers_that_wait(bench, worker):
    assert (
        "--worker-class gthread with --threads 2, 4 and 8" in advice(bench, worker=worker).summary
    )


def test_fewer_workers_are_tried_beyond_the_cores(bench):
    assert advice(bench, workers=20).summary == "Try --workers 4, 5 and 9"


def test_it_says_what_to_measure(bench):
    assert "requests per second and p95" in advice(bench).reason
