"""Make the finished edits in examples/finished, which the page shows before anything was done.

PYTHONPATH=. .venv/bin/python .ci/examples.py
"""

from styleclip_app.examples import examples
from styleclip_core import load_studio
from styleclip_core.provenance import save_picture

FACE, PHOTO = 768, 1000  # px


def main() -> None:
    studio = load_studio("compact", "cpu")
    for example in examples():
        face = studio.invert(example.photo)
        edit = studio.optimize(face, example.prompt)
        assert face.aligned is not None
        photo = edit.photo.copy()
        photo.thumbnail((PHOTO, PHOTO))
        face.aligned.resize((FACE, FACE)).save(example.face[0], quality=92)
        save_picture(edit.face_in_photo.resize((FACE, FACE)), example.face[1])
        save_picture(photo, example.whole[1])
        print(example.photo.name, example.prompt, edit.report.sentences() if edit.report else "")


if __name__ == "__main__":
    main()
