"""A workload written for others: complete, runnable, and without the session's secrets."""

import json
import runpy
import sys
import types
from pathlib import Path

import pytest

from unslow.cli import main
from unslow.lab.workload import Call, export, replay

SECRET = "s3cr3t-value"
CALLS = (
    Call("GET", "/orders?page=2", "GET /orders", {"Accept": "text/html"}, weight=3),
    Call("POST", "/orders", "POST /orders", {"Content-Type": "application/json"}, b'{"n": 1}'),
    Call("PUT", "/blob", "PUT /blob", {}, b"\xff\x00"),
)


def loaded(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The Locust file run with a stand-in for Locust, which patches the whole process."""
    module = types.ModuleType("locust")
    module.FastHttpUser = object  # type: ignore[attr-defined]
    module.task = lambda function: function  # type: ignore[attr-defined]
    module.constant_throughput = lambda rate: rate  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "locust", module)
    path = tmp_path / "locustfile.py"
    path.write_text(text)
    return runpy.run_path(str(path))


def secretive() -> tuple[Call, ...]:
    headers = {"Cookie": f"session={SECRET}", "Accept": "*/*"}
    return (
        Call("GET", "/a", "GET /a", headers),
        Call("GET", "/a", "GET /a", {"Cookie": f"session=other-{SECRET}"}),
        Call("GET", f"/b?q=1&api_key={SECRET}", "GET /b", {"X-CSRFToken": SECRET}),
        Call("POST", "/login", "POST /login", {}, f'{{"password": "{SECRET}"}}'.encode()),
        Call("POST", "/form", "POST /form", {}, f"a=1&csrfmiddlewaretoken={SECRET}".encode()),
    )


def test_no_secret_no_variable() -> None:
    assert export.locustfile(CALLS).variables == {}
    assert export.recording(CALLS).left_out == ()


def test_ordinary_names_are_no_secrets() -> None:
    call = Call("GET", "/a?page=2&order_id=7&keyword=x&author=y", "GET /a", {"Accept": "*/*"})
    found = export.locustfile([call])
    assert found.variables == {}
    assert call.path in found.text


@pytest.mark.parametrize("write", [export.locustfile, export.recording])
def test_no_secret_is_written(write) -> None:
    found = write(secretive())
    assert SECRET not in found.text
    assert found.left_out == ("POST /login", "POST /form")
    assert found.calls == 3


def test_each_session_has_its_variable(tmp_path, monkeypatch) -> None:
    found = export.locustfile(secretive())
    assert set(found.variables) == {
        "UNSLOW_HEADER_COOKIE",
        "UNSLOW_HEADER_COOKIE_2",
        "UNSLOW_HEADER_X_CSRFTOKEN",
        "UNSLOW_PARAMETER_API_KEY",
    }
    module = loaded(found.text, tmp_path, monkeypatch)
    third = module["CALLS"][2]  # type: ignore[index]
    assert module["url"](third) == "/b?q=1"  # type: ignore[operator]
    monkeypatch.setenv("UNSLOW_PARAMETER_API_KEY", "a b")
    assert module["url"](third) == "/b?q=1&api_key=a+b"  # type: ignore[operator]


def test_a_locust_file_holds_weights_headers_and_bodies(tmp_path, monkeypatch) -> None:
    module = loaded(export.locustfile(CALLS).text, tmp_path, monkeypatch)
    assert module["WEIGHTS"] == [3, 1, 1]
    first, second, third = module["CALLS"]  # type: ignore[misc]
    assert first["headers"] == {"Accept": "text/html"}
    assert (second["method"], second["body"]) == ("POST", b'{"n": 1}')
    assert third["body"] == b"\xff\x00"


def test_what_is_written_into_a_locust_file_stays_text(tmp_path, monkeypatch) -> None:
    mean = '"""\nimport sys; sys.exit(3)\n"""{calls}'
    calls = [Call("GET", f"/{mean}", f"GET {mean}", {f"X-Token{mean}": mean, "A": mean})]
    module = loaded(export.locustfile(calls).text, tmp_path, monkeypatch)
    assert module["CALLS"][0]["path"] == f"/{mean}"  # type: ignore[index]


def test_a_recording_is_read_back_as_it_was(tmp_path) -> None:
    path = tmp_path / "traffic.jsonl"
    path.write_text(export.recording(CALLS).text)
    read = {(call.method, call.path): call for call in replay.read(path)}
    for call in CALLS:
        again = read[call.method, call.path]
        assert (again.headers, again.body, again.weight) == (call.headers, call.body, call.weight)


def test_recorded_ids_share_a_name() -> None:
    paths = ("/o/7/x?a=1", "/o/123e4567-e89b-12d3-a456-426614174000/x", "/o/new/x")
    named = export.named(Call("GET", path, "") for path in paths)
    assert [call.endpoint for call in named] == ["GET /o/{id}/x", "GET /o/{id}/x", "GET /o/new/x"]


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["workload", "export", *words])
    return int(ended.value.code or 0)


def test_a_format_must_be_chosen(capsys) -> None:
    assert run() == 2
    assert run("--locust", "--jsonl") == 2
    assert "--locust or --jsonl" in capsys.readouterr().err


def test_a_recording_is_exported_without_an_application(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    log = tmp_path / "access.log"
    line = '1.2.3.4 - - [1/Jan/2026:00:00:00 +0000] "{} HTTP/1.1" 200 5\n'
    log.write_text(line.format("GET /orders/7") * 3 + line.format("POST /orders"))
    words = ("--jsonl", "--replay", str(log), "--no-writes", "--header", f"X-Token: {SECRET}")
    assert run(*words) == 0
    written = capsys.readouterr()
    assert json.loads(written.out) == {"path": "/orders/7", "method": "GET", "weight": 3.0}
    assert "not written: the header X-Token" in written.err
    assert run(*words, "--include", "*/nothing") == 2
