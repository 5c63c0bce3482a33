"""What tests of the full pack share besides the fixtures: short settings and a photo."""

from styleclip_core import InvertSettings, OptimizeSettings
from support.browser import ROOT

SHORT = OptimizeSettings(steps=1, views=0, patience=0)
INVERSION = InvertSettings(steps=2)
PORTRAIT = ROOT / "examples" / "woman_indoors.jpg"
