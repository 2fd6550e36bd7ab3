"""The GitHub Action and the examples for continuous integration, run as a runner would."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
BLOCKS = re.findall(r"(?ms)^```yaml\n(.*?)^```$", (ROOT / "docs" / "ci.md").read_text())
SCHEMAS = ("vendor.github-workflows", "vendor.gitlab-ci", "vendor.gitlab-ci")
BUDGET = '[tool.unslow.budget]\n"GET /orders" = { queries = 30 }\n'
GH = """\
#!/bin/bash
printf '%s\\n' "$*" >> "$CALLS"
if [ "$2" = --paginate ]; then printf '%s' "$KNOWN"; fi
"""


def run(step: str, env: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a step's script under the shell that GitHub uses."""
    script = folder / "step.sh"
    script.write_text(STEPS[step]["run"])
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def gh(tmp_path):
    """Runs the comment's step with a `gh` that notes its calls; gives these."""
    program = tmp_path / "bin" / "gh"
    program.parent.mkdir()
    program.write_text(GH)
    program.chmod(0o755)
    comment = tmp_path / "comment.md"
    comment.write_text("<!-- unslow check: . -->\n\n### unslow\n")

    def comment_on(known: str, file: Path = comment) -> list[str]:
        calls = tmp_path / "calls"
        calls.write_text("")
        env = {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "CALLS": str(calls),
            "KNOWN": known,
            "GITHUB_REPOSITORY": "o/r",
            "NUMBER": "7",
            "COMMENT": str(file),
        }
        done = run("Comment", env, tmp_path)
        assert done.returncode == 0, done.stderr
        return calls.read_text().splitlines()

    return comment_on


def test_no_script_contains_what_others_wrote() -> None:
    """Expressions in a script are text that anybody could end and continue."""
    for step in STEPS.values():
        assert "${{" not in step.get("run", "")


def test_without_a_report_there_is_no_comment(gh, tmp_path) -> None:
    assert gh("", tmp_path / "nothing.md") == []


def test_the_first_comment_is_posted(gh) -> None:
    looked, posted = gh("")
    assert "startswith(env.MARKER)" in looked
    assert "--method POST repos/o/r/issues/7/comments --field body=@" in posted


def test_a_known_comment_is_updated(gh) -> None:
    _, patched = gh("41\n43\n")
    assert "--method PATCH repos/o/r/issues/comments/41 --field body=@" in patched


def test_the_check_runs_against_a_base_that_the_checkout_lacks(shop, tmp_path) -> None:
    shop.budget(BUDGET)
    shop.git("commit", "--quiet", "--all", "--message", "Budget")
    base = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=shop.folder, text=True).strip()
    shop.change('return "ok"', 'return "fine"')
    shop.git("commit", "--quiet", "--all", "--message", "Head")
    shop.git("config", "uploadpack.allowAnySHA1InWant", "true")
    checkout = tmp_path / "checkout"
    clone = ["git", "clone", "--quiet", "--depth=1", f"file://{shop.folder}", str(checkout)]
    subprocess.run(clone, check=True, capture_output=True)
    (checkout / "shop.db").write_bytes((shop.folder / "shop.db").read_bytes())
    output, summary = tmp_path / "output", tmp_path / "summary"
    installed = tmp_path / "runner" / "unslow" / "bin"
    installed.mkdir(parents=True)
    (installed / "unslow").symlink_to(Path(sys.executable).parent / "unslow")
    env = {
        "RUNNER_TEMP": str(tmp_path / "runner"),
        "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(summary),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TARGET": "",
        "COMMAND": f"{sys.executable} -m flask run",
        "ARGUMENTS": "--exclude *health",
        "BASE": base,
        "TIME_BUDGET": "30s",
    }
    done = run("Check", env, checkout)
    assert done.returncode == 0, done.stderr
    reports = tmp_path / "runner" / "unslow-reports"
    names = {path.name for path in reports.iterdir()}
    assert names == {"comment.md", "report.html", "report.json", "report.sarif"}
    said = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert said == {
        "exit-code": "11",
        "reports": str(reports),
        "sarif": str(reports / "report.sarif"),
    }
    assert "31 queries, 30 allowed by 'GET /orders'" in summary.read_text()
    assert f"compared with {base[:7]}" in summary.read_text()


def test_every_input_of_the_action_is_documented() -> None:
    page = (ROOT / "docs" / "ci.md").read_text()
    for name in ACTION["inputs"]:
        assert f"`{name}`" in page or name == "token"


def test_action_and_examples_follow_their_vendors_schemas(tmp_path) -> None:
    pytest.importorskip("check_jsonschema")
    files = [("vendor.github-actions", ROOT / "action.yml")]
    assert len(BLOCKS) == len(SCHEMAS)
    for number, (schema, block) in enumerate(zip(SCHEMAS, BLOCKS, strict=True)):
        (tmp_path / f"{number}.yml").write_text(block)
        files.append((schema, tmp_path / f"{number}.yml"))
    for schema, file in files:
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
