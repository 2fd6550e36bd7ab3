from msgspec.structs import replace

from unslow.lab.prescribe import deferred_import as fixer
from unslow.model import ImportEvidence


def test_silent_for_other_evidence(bench):
    assert list(fixer.fix(bench.finding(id="slow-import"), bench.source)) == []


def test_it_names_the_module(bench):
    finding = replace(bench.finding(id="slow-import"), evidence=ImportEvidence("pandas", 400.0))
    [advice] = fixer.fix(finding, bench.source)
    assert advice.summary == "Import pandas in the functions that use it"
    assert "first request" in advice.reason
