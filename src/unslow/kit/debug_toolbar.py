"""A panel for django-debug-toolbar: the queries of a request by the place that ran them.

`DEBUG_TOOLBAR_PANELS = ["unslow.kit.debug_toolbar.QueriesPanel", ...]`
"""

from collections.abc import Awaitable
from contextlib import ExitStack
from inspect import isawaitable
from typing import Any

from debug_toolbar.panels import Panel  # type: ignore[import-not-found,unused-ignore]
from django.template import Context, Engine  # type: ignore[import-untyped]

from unslow.kit._folded import Line, fold
from unslow.observe import _embedded, _record, _wire

_TEMPLATE = """
<table>
  <thead><tr><th>Runs</th><th>Time</th><th>Statement</th><th>Place</th></tr></thead>
  <tbody>
  {% for line in lines %}
    <tr{% if line.repeated %} class="djDebugRowWarning"{% endif %}>
      <td>{% if line.repeated %}<strong>×{{ line.count }}</strong>{% else %}×{{ line.count }}{% endif %}</td>
      <td>{{ line.ms|floatformat:2 }}&nbsp;ms</td>
      <td><code>{{ line.shape }}</code></td>
      <td>
        {% if line.site %}<div>{{ line.site }}</div>{% endif %}
        {% if line.code %}<div><code>{{ line.code }}</code></div>{% endif %}
        {% if line.cause %}<div>{{ line.cause }}</div>{% endif %}
      </td>
    </tr>
  {% empty %}
    <tr><td colspan="4">This request ran no query.</td></tr>
  {% endfor %}
  </tbody>
</table>
"""  # noqa: E501


class QueriesPanel(Panel):  # type: ignore[misc,unused-ignore]
    """Equal statements of one place are one line, with what gave the rows that they are for."""

    is_async = True
    nav_title = "Queries by place"
    title = "Queries by place, as unslow saw them"

    @classmethod
    def ready(cls) -> None:
        _embedded.start("full")

    @property
    def nav_subtitle(self) -> str:
        stats = self._stats()
        worst = max(
            (line["count"] for line in stats.get("lines", ()) if line["repeated"]), default=0
        )
        said = f"{stats.get('queries', 0)} in {stats.get('ms', 0):.1f} ms"
        return f"{said}, one of them ×{worst}" if worst else said

    @property
    def content(self) -> str:
        return str(Engine().from_string(_TEMPLATE).render(Context(self._stats())))

    def process_request(self, request: Any) -> Any:
        stack = ExitStack()
        self._observe(request, stack)
        try:
            response = self.get_response(request)
        except BaseException:
            stack.close()
            raise
        if isawaitable(response):
            return _awaited(response, stack)
        stack.close()
        return response

    def generate_stats(self, request: Any, response: Any) -> None:
        lines = _wire.safely(self._lines)() or []
        stats = {
            "queries": sum(line["count"] for line in lines),
            "ms": sum(line["ms"] for line in lines),
            "lines": lines,
        }
        self.record_stats(stats)  # type: ignore[no-untyped-call,unused-ignore]

    @_wire.safely
    def _observe(self, request: Any, stack: ExitStack) -> None:
        """Take the record of the server or of a middleware, or make one where there is none."""
        record = _record.current()
        if record is None:
            recording = _embedded.recording(request.method, request.get_full_path())
            record = stack.enter_context(recording)
        self._queries, self._before = record.queries, len(record.queries)

    def _stats(self) -> dict[str, Any]:
        return dict(self.get_stats())  # type: ignore[no-untyped-call,unused-ignore]

    def _lines(self) -> list[dict[str, Any]]:
        return [_shown(line) for line in fold(self._queries[self._before :])]


async def _awaited(response: Awaitable[Any], stack: ExitStack) -> Any:
    with stack:
        return await response


def _shown(line: Line) -> dict[str, Any]:
    return {
        "count": line.count,
        "ms": round(line.total_ms, 3),
        "shape": line.shape,
        "site": line.site,
        "code": line.code,
        "cause": line.cause,
        "repeated": line.is_repeated,
    }
