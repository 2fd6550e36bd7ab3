"""Draws stacks as a flame graph: the wider a function, the more time was spent in it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from html import escape

from unslow.kit._profile import WAITING, Sample

ROW_PX = 19
MIN_SHARE = 0.0005  # half a pixel of a thousand; what is narrower cannot be seen
MAX_ROWS = 300

STYLE = """
.flame{position:relative;overflow:hidden;font:12px/17px ui-monospace,monospace}
.flame div{position:absolute;height:17px;overflow:hidden;white-space:nowrap;cursor:pointer;
 border-radius:2px;padding:0 3px;box-sizing:border-box;color:#222;box-shadow:inset 0 0 0 .5px #fff}
.flame .application{background:#f4a261}
.flame .library{background:#f3d9a4}
.flame .waiting{background:#a9c8de}
.flame .thread{background:#ddd}
.flame .dim{opacity:.45}
"""
SCRIPT = """
for (const graph of document.querySelectorAll('.flame')) {
  const bars = [...graph.children];
  graph.addEventListener('click', event => {
    const chosen = event.target.closest('[data-x]');
    if (!chosen) return;
    const x = +chosen.dataset.x, width = +chosen.dataset.w, row = +chosen.dataset.y;
    for (const bar of bars) {
      const above = +bar.dataset.y < row;
      const from = +bar.dataset.x, to = from + +bar.dataset.w, slack = width / 1e6;
      const hidden = above ? from > x + slack || to < x + width - slack
                           : from < x - slack || to > x + width + slack;
      bar.style.display = hidden ? 'none' : '';
      bar.style.left = above ? '0' : (from - x) / width * 100 + '%';
      bar.style.width = above ? '100%' : +bar.dataset.w / width * 100 + '%';
      bar.classList.toggle('dim', above);
    }
  });
}
"""


@dataclass
class _Node:
    name: str
    place: str
    kind: str
    seconds: float = 0.0
    children: dict[tuple[str, str], "_Node"] = field(default_factory=dict)

    def child(self, name: str, place: str, kind: str) -> "_Node":
        return self.children.setdefault((name, place), _Node(name, place, kind))


def graph(samples: Iterable[Sample], is_application: Callable[[str], bool]) -> str:
    """The graph as HTML; needs `STYLE`, and `SCRIPT` for a click to enlarge a function."""
    root = _tree(samples, is_application)
    bars = list(_bars(root, root.seconds, 0.0, 0)) if root.seconds else []
    rows = 1 + max((row for row, _ in bars), default=0)
    return (
        f'<div class="flame" style="height:{rows * ROW_PX}px">'
        + "".join(text for _, text in bars)
        + "</div>"
    )


def _tree(samples: Iterable[Sample], is_application: Callable[[str], bool]) -> _Node:
    root = _Node("the whole request", "", "thread")
    for sample in samples:
        at = root.child(sample.thread, "", "thread")
        path = [root, at]
        for place in sample.stack[:MAX_ROWS]:
            kind = "application" if is_application(place.path) else "library"
            at = at.child(place.function, f"{place.path}:{place.first_line}", kind)
            path.append(at)
        if sample.is_waiting:
            path.append(at.child(WAITING, "", "waiting"))
        for node in path:
            node.seconds += sample.seconds
    return root


def _bars(node: _Node, whole: float, left: float, row: int) -> Iterator[tuple[int, str]]:
    """Each function with the row that it stands in; the widest child first."""
    share = node.seconds / whole
    if share < MIN_SHARE:
        return
    label = f"{node.name}: {node.seconds * 1000:.1f} ms, {share * 100:.1f} %"
    yield (
        row,
        f'<div class="{node.kind}" data-x="{left:.6f}" data-w="{share:.6f}" data-y="{row}"'
        f' style="left:{left * 100:.4f}%;width:{share * 100:.4f}%;top:{row * ROW_PX}px"'
        f' title="{escape(f"{label} {node.place}".strip())}">{escape(node.name)}</div>',
    )
    for child in sorted(node.children.values(), key=lambda one: -one.seconds):
        yield from _bars(child, whole, left, row + 1)
        left += child.seconds / whole
