"""Make the finished edits in examples/finished, which the page shows before anything was done.

PYTHONPATH=. .venv/bin/python .ci/examples.py
"""

import json
from pathlib import Path

from PIL import Image

from styleclip_core import load_studio
from styleclip_core.provenance import save_picture

EXAMPLES = Path(__file__).parents[1] / "examples"
FOLDER = EXAMPLES / "finished"
FACE, PHOTO = 768, 1000  # px


def main() -> None:
    studio = load_studio("compact", "cpu")
    for name, prompt in json.loads((FOLDER / "edits.json").read_text("utf-8")).items():
        face = studio.invert(EXAMPLES / name)
        edit = studio.optimize(face, prompt)
        assert face.aligned is not None
        photo = edit.photo.copy()
        photo.thumbnail((PHOTO, PHOTO))
        before, after = (picture.resize((FACE, FACE)) for picture in (face.aligned, edit.face_in_photo))
        pictures: dict[str, Image.Image] = {"before": before, "after": after, "photo": photo}
        for what, picture in pictures.items():
            file = FOLDER / f"{Path(name).stem}.{what}.jpg"
            if what == "before":
                picture.save(file, quality=92)
            else:
                save_picture(picture, file)
        print(name, prompt, edit.report.sentences() if edit.report else "")


if __name__ == "__main__":
    main()
