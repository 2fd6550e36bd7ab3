"""The tools: audit, findings, prove, check. Each runs a command of unslow and reads its report."""

import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import anyio
import msgspec
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent
from pydantic import Field

from unslow.errors import UnslowError, UsageError
from unslow.lab.mcp import _reading, _texts
from unslow.lab.mcp._answers import Audited, Checked, Findings, Judgement
from unslow.lab.mcp._child import Commands, Tell
from unslow.lab.mcp._place import CHANGES, folder_below, version
from unslow.model import Report

P = ParamSpec("P")
Tool = Callable[P, Coroutine[Any, Any, CallToolResult]]

AUDITED = (0, 10)
PROVED = (0, 20, 21, 22, 23, 24)
CHECKED = (0, 11)

Folder = Annotated[
    str, Field(description="Where the application lies, below the server's folder; '.' if left out")
]
Globs = Annotated[
    tuple[str, ...],
    Field(description="Only endpoints like these globs ('GET /orders/*'); all if empty"),
]
Seconds = Annotated[
    int, Field(ge=1, le=86400, description="Seconds at most for the measurement itself")
]
Base = Annotated[str, Field(description="A git revision or a folder; HEAD if left out")]
Candidate = Annotated[
    str,
    Field(
        description="A git revision, a folder, a .patch file, or a .sql file that makes indexes; "
        "the work tree if left out"
    ),
]
Diff = Annotated[
    str, Field(description="A unified diff to judge instead of a candidate; it is not applied")
]


def told(tool: Tool[P]) -> Tool[P]:
    """A tool whose errors reach the model as they are, with their remedy."""

    @wraps(tool)
    async def run(*args: P.args, **kwargs: P.kwargs) -> CallToolResult:
        try:
            return await tool(*args, **kwargs)
        except UnslowError as error:
            raise ToolError(str(error)) from error

    return run


@dataclass
class Judge:
    """Works on the applications in `root`, one measurement at a time; `last` are its audits."""

    root: Path
    commands: Commands
    last: dict[Path, Report] = field(default_factory=dict)
    measuring: anyio.Lock = field(default_factory=anyio.Lock)

    @told
    async def audit(
        self,
        context: Context,
        folder: Folder = ".",
        endpoints: Globs = (),
        prove: Annotated[bool, Field(description="Measure the fixes that are written")] = True,
        time_budget_s: Seconds = 300,
    ) -> Annotated[CallToolResult, Audited]:
        """Find what is slow in the application, point at the causing expressions, write fixes and
        keep those that are proven. Returns the findings; use the findings tool for the diffs."""
        place = folder_below(self.root, folder)
        words = [f"--time-budget={time_budget_s}s", *(f"--include={one}" for one in endpoints)]
        words += [] if prove else ["--no-prove"]
        report = await self._measured(["audit", *words], place, AUDITED, context)
        self.last[place] = report
        found = _reading.audited(report)
        return _result(_texts.of_audit(found), found)

    @told
    async def findings(
        self,
        context: Context,
        folder: Folder = ".",
        number: Annotated[
            int | None, Field(description="One finding by its number; all if left out")
        ] = None,
    ) -> Annotated[CallToolResult, Findings]:
        """The findings of the last audit with the source at the cause and the diff of each fix."""
        place = folder_below(self.root, folder)
        report = self.last.get(place)
        if report is None:  # of an earlier session, or of a person at the command line
            report = await Commands().report(["report"], place, AUDITED, _teller(context))
        found = _reading.findings(report, number)
        return _result(_texts.of_findings(found), found)

    @told
    async def prove(
        self,
        context: Context,
        base: Base = "",
        candidate: Candidate = "",
        patch: Diff = "",
        folder: Folder = ".",
        endpoints: Globs = (),
        time_budget_s: Seconds = 300,
        max_slowdown_percent: Annotated[
            float, Field(gt=0, le=1000, description="How much slower an endpoint may become")
        ] = 5,
    ) -> Annotated[CallToolResult, Judgement]:
        """Judge whether a change makes the application faster and leaves its answers and its data
        the same. Without arguments: the uncommitted changes against HEAD. The verdict is proven,
        no-gain, slower, different, failed or inconclusive."""
        place = folder_below(self.root, folder)
        words = [f"--endpoint={one}" for one in endpoints]
        words += [f"--time-budget={time_budget_s}s", f"--max-slowdown={max_slowdown_percent:g}%"]
        with tempfile.TemporaryDirectory(prefix="unslow-mcp-") as temporary:
            versions = self._versions(base, candidate, patch, place, Path(temporary))
            report = await self._measured(["prove", *versions, *words], place, PROVED, context)
        if report.comparison is None:
            raise UnslowError("unslow prove left a report without a verdict")
        found = _reading.judgement(report.comparison)
        return _result(_texts.of_judgement(found), found)

    @told
    async def check(
        self,
        context: Context,
        base: Annotated[
            str, Field(description="A git revision to compare counters and times with")
        ] = "",
        folder: Folder = ".",
        endpoints: Globs = (),
        time_budget_s: Seconds = 300,
    ) -> Annotated[CallToolResult, Checked]:
        """Check every endpoint against its budget in [tool.unslow.budget]: queries, rows and bytes
        per call, and with a base also the slowdown. Names the statements that are over it."""
        place = folder_below(self.root, folder)
        words = [f"--include={one}" for one in endpoints]
        if base:
            revision = version(base, place, self.root)
            words += [f"--base={revision}", f"--time-budget={time_budget_s}s"]
        report = await self._measured(["check", *words], place, CHECKED, context)
        if report.budget is None:
            raise UnslowError("unslow check left a report without budgets")
        found = _reading.checked(report.budget)
        return _result(_texts.of_check(found), found)

    def _versions(
        self, base: str, candidate: str, patch: str, folder: Path, temporary: Path
    ) -> list[str]:
        """The arguments of `unslow prove`; a patch goes to a file outside of the project."""
        if candidate and patch:
            raise UsageError("give either a candidate or a patch, not both")
        if candidate and not base and not candidate.endswith(CHANGES):
            raise UsageError("name the base of the candidate too, such as HEAD")
        versions = [version(text, folder, self.root) for text in (base, candidate) if text]
        if patch:
            file = temporary / "given.patch"
            file.write_text(patch if patch.endswith("\n") else f"{patch}\n", encoding="utf-8")
            versions.append(str(file))
        return versions

    async def _measured(
        self, words: list[str], folder: Path, ends: tuple[int, ...], context: Context
    ) -> Report:
        tell = _teller(context)
        if self.measuring.locked():
            await tell(0.0, "waits for the other measurement")
        async with self.measuring:
            return await self.commands.report(words, folder, ends, tell)


def _teller(context: Context) -> Tell:
    async def tell(seconds: float, message: str) -> None:
        await context.report_progress(round(seconds, 1), None, message)

    return tell


def _result(text: str, answer: Audited | Findings | Judgement | Checked) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content=msgspec.to_builtins(answer),
    )
