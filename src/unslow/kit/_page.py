"""Writes a profile as one page that needs no network: flame graph, call tree, table."""

from html import escape

from unslow.kit import _call_tree, _flame, _profile
from unslow.kit._profile import Profile
from unslow.observe import _sites

# Nothing may be fetched or sent, whatever a function is called.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline' data:; "
    "img-src data:; font-src data:; frame-src 'self'; form-action 'none'; base-uri 'none'"
)
_STYLE = """
:root{color-scheme:light}
body{font:15px/1.45 system-ui,sans-serif;margin:0;padding:1rem 1.5rem;color:#222;background:#fff}
h1{font-size:1.2rem;margin:0 0 .3rem;overflow-wrap:anywhere}
h2{font-size:1rem;margin:1.4rem 0 .4rem}
p{margin:.2rem 0;max-width:75em}
pre{overflow-x:auto;font:12px/1.5 ui-monospace,monospace}
iframe{width:100%;height:60vh;border:1px solid #ccc}
i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin:0 .3em 0 .8em}
"""


def page(profile: Profile) -> str:
    """The page; without pyinstrument it says how to get the call tree, and shows the rest."""
    tree = _call_tree.page(profile)
    shown = (
        f'<iframe title="call tree" srcdoc="{escape(tree)}"></iframe>'
        if tree is not None
        else f"<p>{escape(_missing())}</p>"
    )
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">
<meta name="referrer" content="no-referrer">
<title>{escape(profile.title)}</title>
<style>{_STYLE}{_flame.STYLE}</style></head><body>
<h1>{escape(profile.title)}</h1>
<p>{escape(profile.summary)}</p>
<h2>Flame graph</h2>
<p><i style="background:#f4a261"></i>application<i style="background:#f3d9a4"></i>library
<i style="background:#a9c8de"></i>waiting. Width is time; a click enlarges a function, one on the
top row shows all again.</p>
{_flame.graph(profile.samples, _sites.is_application)}
<h2>Call tree</h2>
{shown}
<h2>The functions that took most</h2>
<pre>{escape(_profile.text(profile))}</pre>
<script>{_flame.SCRIPT}</script>
</body></html>
"""


def _missing() -> str:
    if not _call_tree.is_there():
        return f"The call tree is pyinstrument's; run: {_call_tree.INSTALL}"
    return "The request was over before the first look; there is nothing to show."
