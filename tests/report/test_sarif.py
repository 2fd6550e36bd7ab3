from json import loads
from urllib.parse import urlparse

import msgspec

from tests.report.sample import SOURCES, clean, sample
from unslow.lab.report import sarif
from unslow.model import Excerpt, Site


def run(report=None):
    return loads(sarif.render(report or sample()))["runs"][0]


def test_a_clean_report_has_no_result_and_no_rule() -> None:
    assert run(clean())["results"] == []
    assert run(clean())["tool"]["driver"]["rules"] == []


def test_regions_count_from_one_and_end_after_the_expression() -> None:
    region = run()["results"][0]["locations"][0]["physicalLocation"]["region"]
    line = SOURCES["shop/views.py"].splitlines()[region["startLine"] - 1]
    expression = line[region["startColumn"] - 1 : region["endColumn"] - 1]
    assert expression == 'Order.objects.order_by("-created_at")'


def test_columns_count_characters_where_the_line_has_others_than_ascii() -> None:
    line = 'größe = "ß"; rows = Order.objects.all()'
    text = "Order.objects.all()"
    start = len(line[: line.index(text)].encode())
    site = Site("a.py", 3, 3, start, start + len(text), "f")
    report = sample()
    finding = msgspec.structs.replace(
        report.findings[0], cause=site, symptom=None, excerpt=Excerpt(3, (line,))
    )
    report = msgspec.structs.replace(report, findings=(finding,))
    region = run(report)["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == text


def test_every_result_points_at_its_rule_with_a_help_page() -> None:
    log = run()
    rules = log["tool"]["driver"]["rules"]
    for result in log["results"]:
        rule = rules[result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert urlparse(rule["helpUri"]).path.endswith(f"/detectors/{rule['id']}.html")


def test_levels_follow_severity() -> None:
    assert [result["level"] for result in run()["results"]] == ["error", "warning", "note"]


def test_paths_outside_the_root_become_file_addresses() -> None:
    report = sample()
    site = Site("/opt/lib with space/x.py", 1, 1, 0, 4, "")
    finding = msgspec.structs.replace(report.findings[0], cause=site, excerpt=None)
    location = run(msgspec.structs.replace(report, findings=(finding,)))["results"][0]["locations"]
    artifact = location[0]["physicalLocation"]["artifactLocation"]
    assert artifact == {"uri": "file:///opt/lib%20with%20space/x.py"}


def test_only_a_kept_fix_that_is_whole_in_its_edits_is_offered() -> None:
    fixes = [result.get("fixes", []) for result in run()["results"]]
    assert [len(found) for found in fixes] == [1, 0, 0]
    change = fixes[0][0]["artifactChanges"][0]["replacements"][0]
    region = change["deletedRegion"]
    source = SOURCES["shop/views.py"].encode()
    cut = source[region["byteOffset"] : region["byteOffset"] + region["byteLength"]]
    assert cut == b'Order.objects.order_by("-created_at")'
    assert change["insertedContent"]["text"].endswith('.select_related("customer__company")')
