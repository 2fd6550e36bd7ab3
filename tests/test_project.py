"""The repository keeps its own rules: names, tests, pages, lock, arrows."""

import ast
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest
import typer.main

from unslow.cli._app import app
from unslow.lab.report import sarif
from unslow.lab.target import Settings

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "unslow"
DOCS = ROOT / "docs"
HEADINGS = [
    "What it finds",
    "Why it is slow",
    "Example",
    "Fix",
    "Fix safety",
    "When to leave it",
]
VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "manager", "service", "misc"}
COMMANDS = typer.main.get_command(app).commands


def rules(package: str) -> list[str]:
    """The discovered modules of a package: those without a leading underscore."""
    found = sorted(path.stem for path in (SOURCE / package).glob("[a-z]*.py"))
    assert found, f"no modules in {package}"
    return found


@cache
def known_tests() -> frozenset[str]:
    return frozenset(path.stem for path in (ROOT / "tests").rglob("test_*.py"))


def modules() -> list[Path]:
    shops = [SOURCE / "demo" / f"{flavour}_shop" for flavour in ("django", "fastapi")]
    return [
        path
        for path in sorted(SOURCE.rglob("*.py"))
        if not any(path.is_relative_to(shop) for shop in shops)
    ]


DETECTORS = rules("lab/diagnose")
FIXERS = rules("lab/prescribe")
INTEGRATIONS = rules("observe")


@pytest.mark.parametrize("name", [*DETECTORS, *FIXERS])
def test_every_rule_has_its_test(name) -> None:
    assert f"test_{name}" in known_tests()


@pytest.mark.parametrize(
    "page",
    [f"detectors/{name}" for name in DETECTORS] + [f"fixers/{name}" for name in FIXERS],
)
def test_every_rule_has_its_page_with_the_headings(page) -> None:
    path = DOCS / (page.replace("_", "-") + ".md")
    assert path.is_file(), f"write {path.relative_to(ROOT)}"
    text = re.sub(r"(?ms)^```.*?^```$", "", path.read_text())
    assert re.findall(r"(?m)^## (.+)$", text) == HEADINGS
    assert text.startswith(f"# {path.stem}\n")


@pytest.mark.parametrize("folder", ["detectors", "fixers"])
def test_every_page_has_its_rule(folder) -> None:
    pages = {path.stem.replace("-", "_") for path in (DOCS / folder).glob("*.md")} - {"index"}
    assert pages <= {*DETECTORS, *FIXERS}


@pytest.mark.parametrize("name", INTEGRATIONS)
def test_every_integration_is_tested_and_documented(name) -> None:
    assert f"`{name}`" in (DOCS / "observing.md").read_text()
    files = [
        p for folder in ("observe", "observe_orm") for p in (ROOT / "tests" / folder).rglob("*")
    ]
    texts = (path.read_text() for path in files if path.suffix == ".py")
    assert any(re.search(rf"\b{name}\b", text) for text in texts)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_option_is_documented(name) -> None:
    sections = re.split(r"(?m)^## unslow ", (DOCS / "cli.md").read_text())
    section = next((part for part in sections if part.startswith(name)), "")
    assert section, f"docs/cli.md has no section on unslow {name}"
    for parameter in COMMANDS[name].params:
        for option in (*parameter.opts, *parameter.secondary_opts):
            if option.startswith("--") and option != "--help":
                assert option in section


def commands_in_the_pages() -> list[str]:
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]
    return sorted(
        {
            line.partition("#")[0].strip()
            for page in pages
            for line in re.findall(r"(?m)^\$ unslow (.+)$", page.read_text())
        }
    )


@pytest.mark.parametrize("line", commands_in_the_pages())
def test_commands_in_the_pages_are_understood(line) -> None:
    name, *words = shlex.split(line)
    words = words[: words.index("--")] if "--" in words else words
    COMMANDS[name].make_context(name, words)


def test_the_targets_that_the_readme_names_exist() -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))
    named = set(re.findall(r"(?:\$ |`)make ([a-z]+)", (ROOT / "README.md").read_text()))
    assert {"demo", "test", "check", "bench"} <= named <= targets


def test_every_setting_is_documented() -> None:
    text = (DOCS / "configuration.md").read_text()
    for field in fields(Settings):
        if field.name != "folder":
            assert f"| `{field.name.replace('_', '-')}` |" in text


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_module_opens_with_a_sentence_and_has_a_telling_name(path) -> None:
    document = ast.get_docstring(ast.parse(path.read_text()))
    assert document
    assert document.splitlines()[0].rstrip(".,:;") != ""
    assert path.stem.strip("_") not in VAGUE


@pytest.mark.parametrize("package", ["lab/diagnose", "lab/prescribe"])
def test_no_rule_imports_another(package) -> None:
    names = set(rules(package))
    dotted = f"unslow.{package.replace('/', '.')}"
    for name in names:
        for imported in imports(SOURCE / package / f"{name}.py"):
            module, _, last = imported.rpartition(".")
            assert not (module == dotted and last in names - {name}), f"{name} imports {last}"


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_importing_unslow_is_light() -> None:
    code = "import sys; before = set(sys.modules); import unslow; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("unslow")}
    assert loaded == {"unslow"}
    assert len(done.stdout.split()) < 20


def test_the_lock_has_hashes_and_no_address() -> None:
    text = (ROOT / "requirements" / "dev.txt").read_text()
    assert "://" not in text
    assert not re.search(r"(?m)^\s*(-i|--index-url|--extra-index-url|--find-links)", text)
    requirements = [part for part in re.split(r"(?m)^(?=\S)", text) if part.strip()]
    assert all("==" in part and "--hash=sha256:" in part for part in requirements)


def test_the_lock_holds_every_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = [
        *project["project"]["dependencies"],
        *(name for extra in project["project"]["optional-dependencies"].values() for name in extra),
        *project["dependency-groups"]["dev"],
    ]
    locked = set(re.findall(r"(?m)^([a-z0-9-]+)==", (ROOT / "requirements/dev.txt").read_text()))
    for requirement in declared:
        name = re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower().replace("_", "-")
        assert name == "unslow" or name in locked, f"run `make lock` for {name}"


def test_help_pages_lie_where_the_documentation_does() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["urls"]["Documentation"] == sarif.DOCUMENTATION


def test_the_wheel_holds_all_that_the_code_reads(tmp_path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        held = set(wheel.namelist())
    wanted = {
        path.relative_to(SOURCE.parent).as_posix()
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted <= held
    for part in ("report.schema.json", "report.html.jinja", "sitecustomize.py", "manage.py"):
        assert any(name.endswith(f"/{part}") for name in held)


def test_python_in_the_pages_parses() -> None:
    for page in DOCS.rglob("*.md"):
        for block in re.findall(r"(?ms)^```python\n(.*?)^```$", page.read_text()):
            compile(block, str(page.relative_to(ROOT)), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
