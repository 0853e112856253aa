"""Settings of the documentation site; ``make docs`` builds it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import gallery

import archrank

project = "archrank"
author = "The archrank developers"
copyright = "The archrank developers"
version = release = archrank.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    # of this folder, _ext/
    "api",
    "claims",
    "commands",
    "docstrings",
    "example_report",
    "floors",
    "gallery",
    "mathml",
    "offline",
    "outside",
    "references",
]
exclude_patterns = ["made/examples", "_ext", "_build", "made/gallery/*.py", "made/gallery/*.ipynb"]
nitpicky = True
smartquotes = False  # two dashes are an option
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]

add_module_names = False
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True

sphinx_gallery_conf = {
    "examples_dirs": "made/examples",
    "gallery_dirs": "made/gallery",
    "within_subsection_order": "FileNameSortKey",
    "filename_pattern": rf"/({'|'.join(gallery.RUN)})_",  # `make examples` runs all
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 10**6,
    "write_computation_times": False,
    "image_scrapers": (),
    "reset_modules": (),
}

html_theme = "furo"
html_title = f"archrank {release}"
html_extra_path = ["made/pages"]
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_show_sphinx = False
html_copy_source = False
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
