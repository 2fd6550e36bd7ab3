"""The dashboard and the alerts name what is exported, and Prometheus' own tool accepts them."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from unslow.kit import metrics
from unslow.kit._promised import METRICS

FUNCTIONS = {
    "rate",
    "increase",
    "histogram_quantile",
    "min_over_time",
    "topk",
    "sum",
    "label_values",
}
WORDS = {"by", "on", "and"}
SCRAPED = {"job", "instance", "le"}  # by Prometheus itself, or by histograms
SUFFIXES = ("_bucket", "_count", "_sum", "")
VARIABLES = {"$__rate_interval": "5m", "$job": ".*", "$endpoint": ".*"}
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed (Debian: apt-get install prometheus)"
)


def dashboard() -> dict:
    return json.loads(metrics.dashboard().read_text())


def alerts() -> list[dict]:
    [group] = yaml.safe_load(metrics.alerts().read_text())["groups"]
    return group["rules"]


def shown() -> dict[str, str]:
    return {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in dashboard()["panels"]
        for target in panel.get("targets", ())
    }


def plain(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


EXPRESSIONS = {
    **{name: plain(expression) for name, expression in shown().items()},
    **{rule["alert"]: rule["expr"] for rule in alerts()},
}


def named(expression: str) -> tuple[set[str], set[str]]:
    """The metrics and the labels of an expression."""
    text = re.sub(r'"[^"]*"', '""', expression)
    text = re.sub(r"\[[^\]]*\]", "", text)
    labels = set(re.findall(r"[{,]\s*(\w+)\s*(?:=~|!~|!=|=)", text))
    for listed in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", text):
        labels |= {label.strip() for label in listed.split(",")}
    text = re.sub(r"\{[^}]*\}|\b(?:by|on)\s*\([^)]*\)", " ", text)
    words = set(re.findall(r"[A-Za-z_]\w*", text))
    return words - FUNCTIONS - WORDS, labels


def owner(name: str) -> str | None:
    plain_names = (name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix))
    return next((one for one in plain_names if one in METRICS), None)


def test_a_foreign_metric_and_a_foreign_label_would_be_seen() -> None:
    assert named('sum by (pod) (rate(up{user=~"a|b"}[5m]))') == ({"up"}, {"pod", "user"})
    assert owner("up") is None


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_names_only_what_is_exported(name) -> None:
    used, labels = named(EXPRESSIONS[name])
    assert used
    owners = {owner(metric) for metric in used}
    assert None not in owners, used
    assert labels <= {*SCRAPED, *(label for metric in owners for label in METRICS[metric])}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_brackets_of_an_expression_are_closed(name) -> None:
    left: list[str] = []
    for sign in re.sub(r'"[^"]*"', "", EXPRESSIONS[name]):
        if sign in "([{":
            left.append(sign)
        elif sign in ")]}":
            assert left
            assert left.pop() + sign in ("()", "[]", "{}")
    assert not left


def test_every_metric_is_on_the_dashboard() -> None:
    text = " ".join(EXPRESSIONS[name] for name in shown())
    assert [metric for metric in METRICS if metric not in text] == []


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    cells: set[tuple[int, int]] = set()
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & cells
        assert max(x for x, _ in own) < 24
        cells |= own


def test_variables_of_the_dashboard_are_declared() -> None:
    declared = {variable["name"] for variable in dashboard()["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", metrics.dashboard().read_text()))
    assert used <= declared


def test_legends_name_labels_that_the_expression_keeps() -> None:
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            _, labels = named(plain(target["expr"]))
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_and_how_bad(rule) -> None:
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert {"summary", "description"} == set(rule["annotations"])
    _, labels = named(rule["expr"])
    used = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
    assert used <= {*labels, "pool"}


@needs_promtool
def test_promtool_accepts_every_expression(tmp_path) -> None:
    rules = [
        {"record": f"shown:{number}", "expr": expression}
        for number, expression in enumerate(EXPRESSIONS.values())
    ]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "shown", "rules": rules}]}))
    promtool("check", "rules", str(path))
    (tmp_path / "alerts.yml").write_text(metrics.alerts().read_text())
    promtool("check", "rules", str(tmp_path / "alerts.yml"))


FIRING = {
    "SlowEndpoint": {
        'http_request_duration_seconds_bucket{method="GET",endpoint="e",le="1"}': "0+10x60",
        'http_request_duration_seconds_bucket{method="GET",endpoint="e",le="2.5"}': "0+60x60",
        'http_request_duration_seconds_bucket{method="GET",endpoint="e",le="+Inf"}': "0+60x60",
        'http_request_duration_seconds_count{method="GET",endpoint="e"}': "0+60x60",
    },
    "FailingRequests": {
        'http_request_duration_seconds_count{endpoint="e",status_code="200"}': "0+90x60",
        'http_request_duration_seconds_count{endpoint="e",status_code="503"}': "0+10x60",
    },
    "ManyQueries": {
        'db_queries_per_request_bucket{endpoint="e",le="50.0"}': "0+1x60",
        'db_queries_per_request_bucket{endpoint="e",le="100.0"}': "0+60x60",
        'db_queries_per_request_bucket{endpoint="e",le="+Inf"}': "0+60x60",
    },
    "UselessCache": {
        'cache_hits_total{cache_name="c"}': "0+10x60",
        'cache_misses_total{cache_name="c"}': "0+90x60",
    },
    "WaitingForConnections": {'db_pool_requests_waiting{pool="p"}': "2x60"},
    "EventLoopHeld": {
        'event_loop_lag_seconds_bucket{instance="i",le="0.25"}': "0+90x60",
        'event_loop_lag_seconds_bucket{instance="i",le="0.5"}': "0+240x60",
        'event_loop_lag_seconds_bucket{instance="i",le="+Inf"}': "0+240x60",
    },
}
QUIET = {
    'http_request_duration_seconds_bucket{method="GET",endpoint="e",le="0.25"}': "0+60x60",
    'http_request_duration_seconds_bucket{method="GET",endpoint="e",le="+Inf"}': "0+60x60",
    'http_request_duration_seconds_count{method="GET",endpoint="e",status_code="200"}': "0+60x60",
    'http_request_duration_seconds_count{endpoint="unmatched",status_code="404"}': "0+900x60",
    'db_queries_per_request_bucket{endpoint="e",le="5.0"}': "0+60x60",
    'db_queries_per_request_bucket{endpoint="e",le="+Inf"}': "0+60x60",
    'cache_hits_total{cache_name="c"}': "0+90x60",
    'cache_misses_total{cache_name="c"}': "0+90x60",
    'db_pool_requests_waiting{pool="p"}': "0 1 0 2 0 1 0 0x53",
    'event_loop_lag_seconds_bucket{instance="i",le="0.005"}': "0+240x60",
    'event_loop_lag_seconds_bucket{instance="i",le="+Inf"}': "0+240x60",
}


@needs_promtool
@pytest.mark.parametrize("alert", [None, *FIRING])
def test_alerts_fire_for_their_cause_alone(tmp_path, alert) -> None:
    given = QUIET if alert is None else FIRING[alert]
    (tmp_path / "alerts.yml").write_text(metrics.alerts().read_text())
    asked = [
        {
            "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}})',
            "eval_time": "59m",
            "exp_samples": [{"labels": "{}", "value": 1}] if name == alert else [],
        }
        for name in FIRING
    ]
    series = [{"series": name, "values": values} for name, values in given.items()]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": asked}
    path = tmp_path / "test.yml"
    path.write_text(
        yaml.safe_dump({"rule_files": ["alerts.yml"], "evaluation_interval": "1m", "tests": [test]})
    )
    promtool("test", "rules", str(path))


def test_every_alert_has_its_cause_here() -> None:
    assert {rule["alert"] for rule in alerts()} == set(FIRING)


def promtool(*arguments: str) -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_both_files_are_part_of_the_package() -> None:
    folder = Path(metrics.__file__).parent / "dashboards"
    assert {path.name for path in folder.iterdir()} == {"grafana.json", "alerts.yml"}
