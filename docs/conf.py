"""How Sphinx builds these pages: ``make docs``."""

from importlib.metadata import version as installed_version

project = "bittrue"
version = release = installed_version("bittrue")
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "bittrue"
myst_heading_anchors = 3
exclude_patterns = ["conf.py"]
