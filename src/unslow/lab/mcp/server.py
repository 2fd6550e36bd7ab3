"""The server, ready to be started by an MCP client."""

from pathlib import Path

from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations

from unslow import __version__
from unslow.lab.mcp._child import Commands
from unslow.lab.mcp.tools import Judge

INSTRUCTIONS = """\
unslow finds what is slow in a Python web application, and judges changes. It runs the application \
on a clone of its database; nothing in the project is written.
Call audit first. findings gives the cause and the diff of each fix. After a change of your own, \
call prove: it says whether the change is faster and answers the same. Believe "proven" only; \
"inconclusive" means that nothing was shown. Measurements take minutes and run one at a time."""
READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)


def build(root: Path, commands: Commands) -> MCPServer:
    """The server for the applications in `root`."""
    server = MCPServer(
        "unslow", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING"
    )
    judge = Judge(root.resolve(), commands)
    server.add_tool(judge.audit, title="Find what is slow", annotations=READS)
    server.add_tool(judge.findings, title="Details of the last audit", annotations=READS)
    server.add_tool(judge.prove, title="Judge a change", annotations=READS)
    server.add_tool(judge.check, title="Hold the budgets", annotations=READS)
    return server
