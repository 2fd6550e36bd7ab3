"""How Sphinx builds these pages."""

from unslow import __version__

project = "unslow"
author = "the unslow authors"
release = version = __version__
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "unslow"
html_copy_source = False
