"""Finds the expression in the source that builds a queryset, and extends it."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._layout import Call, Text, lay_out
from unslow.lab.prescribe._managers import default_manager
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._relations import Need
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Origin, RepeatEvidence, Site, TextEdit

CHAINABLE = frozenset(
    """
    all filter exclude order_by annotate alias distinct using select_related prefetch_related
    only defer reverse complex_filter select_for_update extra none fetch_mode
    get_queryset filter_queryset
    """.split()  # noqa: SIM905
)
TERMINAL = frozenset(
    """
    get first last latest earliest iterator in_bulk get_or_create update_or_create
    aget afirst alast alatest aearliest aiterator ain_bulk aget_or_create aupdate_or_create
    count exists aggregate acount aexists aaggregate contains
    """.split()  # noqa: SIM905
)
SHORTCUTS = frozenset(
    {"get_object_or_404", "get_list_or_404", "aget_object_or_404", "aget_list_or_404"}
)
ROWLESS = frozenset({"values", "values_list", "dates", "datetimes", "raw"})
COMBINED = frozenset({"union", "intersection", "difference"})


@dataclass(frozen=True)
class Spot:
    """The expression whose value is the queryset (or manager) to extend.

    `prefix` is what must follow it to make it one (`.objects` after a model's name).
    """

    module: Module
    node: cst.BaseExpression
    prefix: str = ""

    def call(self, name: str, args: tuple[Text, ...]) -> list[TextEdit]:
        """Add the method call `name(args)` to the queryset."""
        if self.prefix:
            offset = self.module.end(self.node)
            if "\n" in self.prefix:
                offset = chains.after_comment(self.module, offset)
            indent = self.module.indent(offset)
            line = self.prefix.rpartition("\n")[2] if "\n" in self.prefix else ""
            added = lay_out(Call(f".{name}", args), indent, len(line))
            return [self.module.insert(offset, text) for text in (self.prefix, added)]
        broken = chains.broken(self.module, self.node, name, args)
        return broken or [chains.add_call(self.module, self.node, name, args)]

    def existing(self, name: str) -> cst.Call | None:
        """The call of `name` anywhere in the whole expression."""
        return chains.call_in(self.whole, name)

    @property
    def whole(self) -> cst.BaseExpression:
        return outermost(self.module, self.node)

    @property
    def offset(self) -> int | None:
        """Where names must be known; None within a function, which runs when all are."""
        inside = self.module.enclosing(self.node, cst.FunctionDef) is not None
        return None if inside else self.module.start(self.node)

    def steps(self) -> list[str]:
        """The methods called in the whole expression, before and after the spot."""
        return [m for step in chains.chain(self.whole) if (m := chains.method(step))]


def places(
    finding: Finding, wanted: Iterable[Need], source: Source
) -> Iterator[tuple[Spot | None, list[Need]]]:
    """The loads by the queryset whose extension cures them; None where the source has none."""
    groups: dict[Hashable, tuple[Spot | None, list[Need]]] = {}
    for need in wanted:
        place = spot(finding, need.origin, source)
        key = (place.module.path, place.module.end(place.node)) if place else need.origin.id
        groups.setdefault((key, need.origin.model), (place, []))[1].append(need)
    yield from groups.values()


def spot(finding: Finding, origin: Origin, source: Source) -> Spot | None:
    """Where to extend the queryset of `origin`: at the finding's cause, else at a link of it."""
    for site in _sites(finding, origin):
        module = source.module(site.path)
        node = module.at(site) if module else None
        if module is None or node is None:
            continue
        found = spot_at(module, node)
        if found and _is_of(found, origin, source):
            return _managed(found, origin, source)
    return _generic_view(finding.cause, origin, source) if finding.cause else None


def _generic_view(site: Site, origin: Origin, source: Source) -> Spot | None:
    """The `model = Order` of a view class, to be followed by a `queryset` of its own."""
    module = source.module(site.path)
    name = site.function.rpartition(".")[2]
    view = module and next((c for c in module.nodes(cst.ClassDef) if c.name.value == name), None)
    if module is None or not view:
        return None
    own = dict(_attributes(view))
    value = own.get("model")
    defined = {f.name.value for f in view.body.body if isinstance(f, cst.FunctionDef)}
    if value is None or "queryset" in own or "get_queryset" in defined:
        return None
    if chains.dotted(value).rpartition(".")[2] != origin.model.rpartition(".")[2]:
        return None
    model = source.model(origin.model)
    manager = default_manager(model, source) if model else "objects"
    indent = module.indent(module.start(value))
    return Spot(module, value, f"\n{indent}queryset = {module.text(value)}.{manager}")


def _attributes(view: cst.ClassDef) -> Iterator[tuple[str, cst.BaseExpression]]:
    """The names that the class's own statements give a value."""
    for line in view.body.body:
        for small in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(small, cst.Assign):
                yield chains.dotted(small.targets[0].target), small.value


def refusal(place: Spot) -> str:
    """Why rows of this queryset cannot carry eager loads, or ""."""
    steps = set(place.steps())
    if steps & ROWLESS:
        return "the queryset yields values, not instances"
    if steps & COMBINED:
        return "the queryset is a union, which takes no eager loads afterwards"
    return ""


def outermost(module: Module, node: cst.BaseExpression) -> cst.BaseExpression:
    """The longest chain that `node` begins."""
    parent = module.parents.get(node)
    while parent is not None and isinstance(parent, cst.BaseExpression):
        is_next = (isinstance(parent, cst.Call) and parent.func is node) or (
            isinstance(parent, cst.Attribute | cst.Subscript) and parent.value is node
        )
        if not is_next:
            break
        node, parent = parent, module.parents.get(parent)
    return node


def _sites(finding: Finding, origin: Origin) -> Iterator[Site]:
    """The cause, then what application code wrote for the queryset, the last link first.

    A custom manager method is left for its callers: other code shares its body.
    """
    if finding.cause and not _is_use(finding, finding.cause, origin):
        yield finding.cause
    for link in reversed(origin.links):
        if link.stack and link.direct:
            yield link.stack[min(link.manager_frames, len(link.stack) - 1)]
    for link in reversed(origin.links):
        if link.stack:
            yield link.stack[0]


def _is_use(finding: Finding, cause: Site, origin: Origin) -> bool:
    """Whether the cause is where the rows are used, and known not to be where they come from."""
    if not isinstance(finding.evidence, RepeatEvidence) or not origin.links:
        return False
    uses = {use for repeated in finding.evidence.loads for use in repeated.uses}
    made = (site for link in origin.links for site in link.stack)
    return cause in uses and not any(
        site.path == cause.path and cause.line <= site.line <= cause.end_line for site in made
    )


def spot_at(module: Module, node: cst.BaseExpression) -> Spot | None:
    """Where to extend the queryset that `node` is, or that it takes its rows from."""
    if isinstance(node, cst.Await):
        node = node.expression
    if chains.function(node) in SHORTCUTS and isinstance(node, cst.Call) and node.args:
        return _argument(module, node.args[0].value)
    name = chains.method(node)
    before = chains.receiver(node)
    if before is None:
        return None
    if name in TERMINAL:
        return Spot(module, before)
    if isinstance(node, cst.Subscript):
        return spot_at(module, before) or (
            Spot(module, before) if isinstance(before, cst.Name) else None
        )
    if name in CHAINABLE or (name and _follows_manager(before)):
        return Spot(module, node)
    if isinstance(node, cst.Attribute) and _is_manager(node):
        return Spot(module, node)
    return None


def _argument(module: Module, node: cst.BaseExpression) -> Spot | None:
    """The model, manager or queryset that is handed to `get_object_or_404`."""
    if isinstance(node, cst.Name):
        return Spot(module, node, ".objects") if node.value[:1].isupper() else Spot(module, node)
    if isinstance(node, cst.Attribute) and node.attr.value[:1].isupper():
        return Spot(module, node, ".objects")
    return spot_at(module, node)


def _is_manager(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Attribute) and node.attr.value.endswith(
        ("objects", "queryset", "qs", "_manager")
    )


def _follows_manager(node: cst.BaseExpression) -> bool:
    """Whether a custom method is called on what is a manager or queryset by its look."""
    return any(_is_manager(step) or chains.method(step) in CHAINABLE for step in chains.chain(node))


def _managed(place: Spot, origin: Origin, source: Source) -> Spot:
    """A model that is handed over alone is read by its default manager, whatever its name."""
    model = source.model(origin.model)
    if not place.prefix or model is None:
        return place
    return Spot(place.module, place.node, f".{default_manager(model, source)}")


def _is_of(place: Spot, origin: Origin, source: Source) -> bool:
    """Whether the queryset may be of the origin's model: no other model stands at its root."""
    *_, root = chains.chain(place.node)
    names = {model.name for model in source.models if model.orm == "django"}
    own = origin.model.rpartition(".")[2]
    head = chains.dotted(root)
    return head == own or head not in names
