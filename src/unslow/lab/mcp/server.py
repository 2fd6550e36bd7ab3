"""The server with its tools: audit, findings, prove, check."""

import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import anyio
import msgspec
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field

from unslow import __version__
from unslow.errors import UnslowError, UsageError
from unslow.lab.mcp import _reading, _texts
from unslow.lab.mcp._answers import Audited, Findings, Judgement
from unslow.lab.mcp._child import Commands, Tell
from unslow.lab.mcp._place import folder_below, version
from unslow.model import Report

P = ParamSpec("P")
Tool = Callable[P, Coroutine[Any, Any, CallToolResult]]

INSTRUCTIONS = """\
unslow finds what is slow in a Python web application, and judges changes. It runs the application \
on a clone of its database; nothing in the project is written.
Call audit first. findings gives the cause and the diff of each fix. After a change of your own, \
call prove: it says whether the change is faster and answers the same. Believe "proven" only; \
"inconclusive" means that nothing was shown. Measurements take minutes and run one at a time."""
READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)
AUDITED = (0, 10)
PROVED = (0, 20, 21, 22, 23, 24)
CHECKED = (0, 11)

Folder = Annotated[
    str, Field(description="Where the application lies, below the server's folder; '.' if left out")
]
Globs = Annotated[
    list[str], Field(description="Only endpoints like these globs ('GET /orders/*'); all if empty")
]
Seconds = Annotated[
    int, Field(ge=1, le=86400, description="Seconds at most for the measurement itself")
]


@dataclass
class Judge:
    """What the tools share: where they work, how, and what was found last."""

    root: Path
    commands: Commands
    last: dict[Path, Report] = field(default_factory=dict)
    one_at_a_time: anyio.Lock = field(default_factory=anyio.Lock)

    async def audit(
        self, folder: Path, endpoints: list[str], *, prove: bool, budget_s: int, tell: Tell
    ) -> Audited:
        words = ["audit", *self.commands.options, f"--time-budget={budget_s}s"]
        words += [f"--include={glob}" for glob in endpoints]
        words += [] if prove else ["--no-prove"]
        report = await self._measured(words, folder, AUDITED, tell)
        self.last[folder] = report
        return _reading.audited(report)

    async def findings(self, folder: Path, number: int | None, tell: Tell) -> Findings:
        """Of this session's audit, or of the last one that unslow keeps."""
        report = self.last.get(folder)
        if report is None:
            report = await Commands().report(["report"], folder, AUDITED, tell)
        return _reading.findings(report, number)

    async def prove(
        self, versions: list[str], folder: Path, more: list[str], tell: Tell
    ) -> Judgement:
        words = ["prove", *versions, *self.commands.options, *more]
        report = await self._measured(words, folder, PROVED, tell)
        if report.comparison is None:
            raise UnslowError("unslow prove left a report without a verdict")
        return _reading.judgement(report.comparison)

    async def _measured(
        self, words: list[str], folder: Path, ends: tuple[int, ...], tell: Tell
    ) -> Report:
        if self.one_at_a_time.locked():
            await tell(0.0, "waits for the other measurement")
        async with self.one_at_a_time:
            return await self.commands.report(words, folder, ends, tell)


def build(root: Path, commands: Commands) -> MCPServer:
    """The server for the applications in `root`, ready to run."""
    server = MCPServer(
        "unslow", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING"
    )
    judge = Judge(root.resolve(), commands)

    @server.tool(title="Find what is slow", annotations=READS)
    @_told
    async def audit(
        context: Context,
        folder: Folder = ".",
        endpoints: Globs = [],  # noqa: B006 -- pydantic copies it
        prove: Annotated[bool, Field(description="Measure the fixes that are written")] = True,
        time_budget_s: Seconds = 300,
    ) -> Annotated[CallToolResult, Audited]:
        """Find what is slow in the application, point at the causing expressions, write fixes and
        keep those that are proven. Returns the findings; use findings for the diffs."""
        found = await judge.audit(
            folder_below(judge.root, folder),
            endpoints,
            prove=prove,
            budget_s=time_budget_s,
            tell=_teller(context),
        )
        return _result(_texts.of_audit(found), found)

    @server.tool(title="Details of the last audit", annotations=READS)
    @_told
    async def findings(
        context: Context,
        folder: Folder = ".",
        number: Annotated[
            int | None, Field(description="One finding by its number; all if left out")
        ] = None,
    ) -> Annotated[CallToolResult, Findings]:
        """The findings of the last audit with the source at the cause and the diff of each fix."""
        found = await judge.findings(
            folder_below(judge.root, folder), number, tell=_teller(context)
        )
        return _result(_texts.of_findings(found), found)

    @server.tool(title="Judge a change", annotations=READS)
    @_told
    async def prove(
        context: Context,
        base: Annotated[str, Field(description="Git revision or folder; HEAD if left out")] = "",
        candidate: Annotated[
            str, Field(description="Git revision or folder; the work tree if left out")
        ] = "",
        patch: Annotated[
            str,
            Field(description="A unified diff to judge, instead of a candidate; it is not applied"),
        ] = "",
        folder: Folder = ".",
        endpoints: Globs = [],  # noqa: B006
        time_budget_s: Seconds = 300,
        max_slowdown_percent: Annotated[
            float, Field(ge=0, le=1000, description="How much slower an endpoint may become")
        ] = 5,
    ) -> Annotated[CallToolResult, Judgement]:
        """Judge whether a change makes the application faster and leaves its answers and its data
        the same. Without arguments: the uncommitted changes against HEAD. The verdict is proven,
        no-gain, slower, different, failed or inconclusive."""
        place = folder_below(judge.root, folder)
        more = [f"--endpoint={glob}" for glob in endpoints]
        more += [f"--time-budget={time_budget_s}s", f"--max-slowdown={max_slowdown_percent:g}%"]
        with tempfile.TemporaryDirectory(prefix="unslow-mcp-") as temporary:
            versions = _versions(base, candidate, patch, place, judge.root, Path(temporary))
            found = await judge.prove(versions, place, more, _teller(context))
        return _result(_texts.of_judgement(found), found)

    return server


def _versions(
    base: str, candidate: str, patch: str, folder: Path, root: Path, temporary: Path
) -> list[str]:
    """The arguments of `unslow prove`; a patch is written to a file outside of the project."""
    if candidate and patch:
        raise UsageError("give either a candidate or a patch, not both")
    if candidate and not base:
        raise UsageError("name the base too, such as HEAD")
    versions = [version(text, folder, root) for text in (base, candidate) if text]
    if patch:
        file = temporary / "candidate.patch"
        file.write_text(patch if patch.endswith("\n") else f"{patch}\n", encoding="utf-8")
        versions.append(str(file))
    return versions


def _told(tool: Tool[P]) -> Tool[P]:
    """A tool whose errors reach the model as they are, with their remedy."""

    @wraps(tool)
    async def run(*args: P.args, **kwargs: P.kwargs) -> CallToolResult:
        try:
            return await tool(*args, **kwargs)
        except UnslowError as error:
            raise ToolError(str(error)) from error

    return run


def _teller(context: Context) -> Tell:
    async def tell(seconds: float, message: str) -> None:
        await context.report_progress(round(seconds, 1), None, message)

    return tell


def _result(text: str, answer: Audited | Findings | Judgement) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content=msgspec.to_builtins(answer),
    )
