"""How Sphinx builds the site: `make docs` turns docs/*.md and the docstrings into build/docs.

Sphinx imports what it documents, so a native module's docstring is found as any other's; its
signatures come from the ``.pyi`` beside it (``signatures.py``).
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "src")]

project = "weft"
author = "The weft authors"
copyright = "The weft authors"  # noqa: A001 - the name Sphinx wants
html_title = "weft"

extensions = ["myst_parser", "reference"]
source_suffix = {".md": "markdown"}

# Enough for `[text](page.md#a-heading)`, with GitHub's anchors.
myst_heading_anchors = 4

add_module_names = False
python_use_unqualified_type_names = True
maximum_signature_line_length = 80  # columns; longer ones take a line a parameter

html_theme = "furo"
html_static_path = [str(HERE / "static")]
html_css_files = ["weft.css"]
html_show_sphinx = False
html_copy_source = False
highlight_language = "text"  # of blocks that name none: mostly commands, and what they print
pygments_style = "friendly"
pygments_dark_style = "native"
