"""Photos and the faces in them: load, detect, align to 1024 x 1024, paste back."""

from styleclip_core.faces.align import Alignment, align, cut, paste_back
from styleclip_core.faces.detect import DetectedFace, detect_faces
from styleclip_core.faces.photo import load_photo

__all__ = ["Alignment", "DetectedFace", "align", "cut", "detect_faces", "load_photo", "paste_back"]
