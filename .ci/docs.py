"""Write the reference of all modules, from their docstrings, to docs/api."""

import pkgutil
import warnings
from pathlib import Path

import pdoc

import styleclip_app
import styleclip_core

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "api"

for name in styleclip_core.__all__:  # pdoc lists what a module holds, not what it imports when it is first used
    setattr(styleclip_core, name, getattr(styleclip_core, name))
modules = ["styleclip_core", "styleclip_app"]  # and theirs, which pdoc leaves out where there is an __all__
for package in (styleclip_core, styleclip_app):
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    modules += [module.name for module in found if not module.name.endswith("__main__")]
warnings.filterwarnings("ignore", message=".*has already been added")  # pdoc adds some of them by itself
pdoc.render.configure(docformat="google", show_source=False)
pdoc.pdoc(*modules, output_directory=FOLDER)
print(f"{len(modules)} modules: {FOLDER / 'index.html'}")
