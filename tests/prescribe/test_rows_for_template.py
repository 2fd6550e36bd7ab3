from msgspec.structs import replace

from unslow.lab.prescribe import rows_for_template as fixer
from unslow.model import RenderEvidence


def test_silent_for_other_evidence(bench):
    assert list(fixer.fix(bench.finding(id="repeated-render"), bench.source)) == []


def test_a_template_is_rendered_once(bench):
    evidence = RenderEvidence("card.html", 50.0, 40.0)
    finding = replace(bench.finding(id="repeated-render"), evidence=evidence)
    [advice] = fixer.fix(finding, bench.source)
    assert advice.summary == "Render card.html once: give it all rows, and loop in the template"


def test_the_view_asks(bench):
    [advice] = fixer.fix(bench.finding(id="queryset-in-template"), bench.source)
    assert advice.summary.startswith("Ask in the view")
