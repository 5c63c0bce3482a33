"""Videos: a face edited through a clip. `edit_video` is the verb; see docs/video.md. Needs the extra ``video``."""

from styleclip_core.video.edit import VideoEdit, edit_video, edit_video_steps
from styleclip_core.video.preview import preview_steps
from styleclip_core.video.step import Wish

__all__ = ["VideoEdit", "Wish", "edit_video", "edit_video_steps", "preview_steps"]
