"""Recorded traffic becomes weighted calls; what is no recording is refused by name."""

import json
from pathlib import Path

import pytest

from unslow.errors import UsageError
from unslow.lab.workload import replay

COMBINED = """\
127.0.0.1 - - [22/Nov/2026:12:00:00 +0000] "GET /orders/?page=2 HTTP/1.1" 200 512 "-" "curl/8"
127.0.0.1 - - [22/Nov/2026:12:00:01 +0000] "GET /orders/?page=2 HTTP/1.1" 200 512 "-" "curl/8"
127.0.0.1 - - [22/Nov/2026:12:00:02 +0000] "POST /orders/ HTTP/2.0" 201 20 "-" "curl/8"
not a line of a log
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "recording"
    path.write_text(text)
    return path


def test_an_access_log_gives_its_requests_weighted_by_count(tmp_path: Path) -> None:
    calls = replay.read(written(tmp_path, COMBINED))
    assert [(call.method, call.path, call.weight) for call in calls] == [
        ("GET", "/orders/?page=2", 2.0),
        ("POST", "/orders/", 1.0),
    ]


def test_json_lines_carry_method_headers_and_body(tmp_path: Path) -> None:
    lines = [
        {"path": "/a"},
        {"path": "/b", "method": "post", "headers": {"X-Tenant": "1"}, "body": '{"n": 1}'},
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    calls = replay.read(written(tmp_path, text + "\n\n"))
    assert [(call.method, call.path, call.body) for call in calls] == [
        ("GET", "/a", None),
        ("POST", "/b", b'{"n": 1}'),
    ]
    assert calls[1].headers == {"X-Tenant": "1"}


def test_a_har_gives_requests_without_hop_headers(tmp_path: Path) -> None:
    request = {
        "method": "POST",
        "url": "https://example.com/orders/?draft=1",
        "headers": [
            {"name": ":authority", "value": "example.com"},
            {"name": "Host", "value": "example.com"},
            {"name": "Accept", "value": "application/json"},
        ],
        "postData": {"mimeType": "application/json", "text": "{}"},
    }
    text = json.dumps({"log": {"version": "1.2", "entries": [{"request": request}]}}, indent=1)
    (call,) = replay.read(written(tmp_path, text))
    assert (call.method, call.path, call.body) == ("POST", "/orders/?draft=1", b"{}")
    assert call.headers == {"Accept": "application/json"}


def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.log"):
        replay.read(tmp_path / "absent.log")


def test_a_file_without_requests_tells_what_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="access logs"):
        replay.read(written(tmp_path, "hello\n"))


def test_a_broken_line_is_named_by_its_number(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line 2"):
        replay.read(written(tmp_path, '{"path": "/a"}\n{"path": 7}\n'))
