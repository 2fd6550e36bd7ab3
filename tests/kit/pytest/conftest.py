"""Test suites of small applications, run by pytest in a process of their own."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

RUN_S = 120.0


@dataclass
class Ran:
    """How a suite ended: each test's failure, "" where it passed."""

    code: int
    output: str
    failures: dict[str, str]


@dataclass
class Suite:
    """A folder with an application and its tests."""

    root: Path

    def write(self, files: Mapping[str, str]) -> "Suite":
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return self

    def run(self, *words: str) -> Ran:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
        done = subprocess.run(
            [*command, "--junitxml=result.xml"],
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=RUN_S,
        )
        failures = {}
        for case in ET.parse(self.root / "result.xml").iter("testcase"):
            bad = [one for one in case if one.tag in ("failure", "error")]
            failures[case.get("name", "")] = "".join(one.text or "" for one in bad)
        return Ran(done.returncode, done.stdout + done.stderr, failures)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    return Suite(tmp_path_factory.mktemp("suite"))
