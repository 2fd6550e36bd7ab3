"""The report as SARIF 2.1.0, for code scanning: one result per finding, at its cause."""

from json import dumps
from pathlib import PurePath
from typing import TypedDict
from urllib.parse import quote

from unslow.lab.report import _budget as budget
from unslow.lab.report import _phrases as say
from unslow.lab.report._excerpt import span
from unslow.model import Fix, Report, ReportedFinding, Site

SCHEMA_URI = "https://json.schemastore.org/sarif-2.1.0.json"
DOCUMENTATION = "https://unslow.readthedocs.io/en/latest"
LEVELS = {"high": "error", "medium": "warning", "low": "note"}
ROOT = "SRCROOT"
BUDGET = "budget"

Json = dict[str, object]


class Region(TypedDict):
    """Lines and columns from 1, columns in characters, the end exclusive."""

    startLine: int
    startColumn: int
    endLine: int
    endColumn: int


def render(report: Report) -> str:
    over = list(budget.breaches(report.budget)) if report.budget else []
    rules = sorted({finding.id for finding in report.findings} | ({BUDGET} if over else set()))
    run = {
        "tool": {"driver": _driver(report, rules)},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The audited root."}}},
        "results": [
            *(_breach(one, rules) for one in over),
            *(_result(finding, rules) for finding in report.findings),
        ],
    }
    log = {"$schema": SCHEMA_URI, "version": "2.1.0", "runs": [run]}
    return dumps(log, indent=2, ensure_ascii=False) + "\n"


def _driver(report: Report, rules: list[str]) -> Json:
    return {
        "name": "unslow",
        "version": report.unslow,
        "informationUri": DOCUMENTATION,
        "rules": [_rule(rule) for rule in rules],
    }


def _rule(rule: str) -> Json:
    page = f"{DOCUMENTATION}/{'ci' if rule == BUDGET else f'detectors/{rule}'}.html"
    return {
        "id": rule,
        "name": "".join(word.capitalize() for word in rule.split("-")),
        "shortDescription": {"text": rule.replace("-", " ").capitalize()},
        "helpUri": page,
        "help": {"text": f"What it finds, why it is slow and when to leave it: {page}"},
        "properties": {"tags": ["performance"]},
    }


def _result(finding: ReportedFinding, rules: list[str]) -> Json:
    cause = finding.cause or finding.symptom
    result: Json = {
        "ruleId": finding.id,
        "ruleIndex": rules.index(finding.id),
        "level": LEVELS[finding.severity],
        "rank": round(finding.cost.share * 100, 1),
        "message": {"text": _message(finding)},
        "locations": [_location(cause, finding)] if cause else [],
        "properties": {
            "endpoints": list(finding.endpoints),
            "confidence": finding.confidence,
            "msPerRequest": finding.cost.ms_per_request,
            "queriesPerRequest": finding.cost.queries_per_request,
        },
    }
    if finding.symptom and finding.symptom != cause:
        shown = _location(finding.symptom, finding)
        result["relatedLocations"] = [{**shown, "message": {"text": "It shows here."}}]
    fixes = [_fix(fix) for fix in finding.fixes if _is_whole_in_edits(fix)]
    if fixes:
        result["fixes"] = fixes
    return result


def _breach(one: budget.Breach, rules: list[str]) -> Json:
    """An endpoint over its budget, at the lines that spend most of it, else at the budget."""
    sites = one.sites or (Site("pyproject.toml", 1, 1, 0, 0, ""),)
    return {
        "ruleId": BUDGET,
        "ruleIndex": rules.index(BUDGET),
        "level": "error",
        "message": {"text": f"{one.endpoint} is over budget: {one.text}."},
        "locations": [_lines(site) for site in sites[:1]],
        "relatedLocations": [_lines(site) for site in sites[1:]],
        "properties": {"endpoints": [one.endpoint]},
    }


def _lines(site: Site) -> Json:
    region = {"startLine": site.line, "endLine": site.end_line}
    return {"physicalLocation": {"artifactLocation": _artifact(site.path), "region": region}}


def _message(finding: ReportedFinding) -> str:
    cost = finding.cost
    facts = f"{say.milliseconds(cost.ms_per_request)} ms per request, {say.percent(cost.share)}"
    sentences = [f"{finding.title}: {facts} of the measured time."]
    for fix in finding.fixes:
        if fix.kept and fix.proof.speedup:
            gain = f"{say.interval(fix.proof.speedup)} {say.metric(fix.proof)}"
            sentences.append(f"Proven fix ({fix.fixer}), {gain}: {fix.summary}.")
    return " ".join(sentences)


def _location(site: Site, finding: ReportedFinding) -> Json:
    place: Json = {
        "artifactLocation": _artifact(site.path),
        "region": _region(site, finding),
    }
    location: Json = {"physicalLocation": place}
    if site.function:
        location["logicalLocations"] = [{"name": site.function, "kind": "function"}]
    return location


def _artifact(path: str) -> Json:
    pure = PurePath(path)
    if pure.is_absolute():
        return {"uri": pure.as_uri()}
    return {"uri": quote(pure.as_posix()), "uriBaseId": ROOT}


def _region(site: Site, finding: ReportedFinding) -> Region:
    """Sites count bytes; the quoted lines turn them into characters where they are at hand."""
    start, end = site.column, site.end_column
    excerpt = finding.excerpt
    if excerpt and site == finding.cause:
        first = span(excerpt, site, site.line)
        quoted_to_the_end = site.end_line < excerpt.line + len(excerpt.lines)
        last = span(excerpt, site, site.end_line) if quoted_to_the_end else None
        start = first[0] if first else start
        end = last[1] if last else end
    return {
        "startLine": site.line,
        "startColumn": start + 1,
        "endLine": site.end_line,
        "endColumn": end + 1,
    }


def _is_whole_in_edits(fix: Fix) -> bool:
    return bool(fix.kept and fix.edits and not fix.files and not fix.sql)


def _fix(fix: Fix) -> Json:
    paths = sorted({edit.path for edit in fix.edits})
    return {
        "description": {"text": fix.summary},
        "artifactChanges": [
            {
                "artifactLocation": _artifact(path),
                "replacements": [
                    {
                        "deletedRegion": {
                            "byteOffset": edit.start,
                            "byteLength": edit.end - edit.start,
                        },
                        "insertedContent": {"text": edit.text},
                    }
                    for edit in fix.edits
                    if edit.path == path
                ],
            }
            for path in paths
        ],
    }
