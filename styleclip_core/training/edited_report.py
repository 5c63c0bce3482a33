"""How a text-image model reads edited faces: whether its scores rise where, and only where, the attribute came."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from styleclip_core.evaluation.reports import markdown_table
from styleclip_core.evaluation.zero_shot import PROMPTS, zero_shot
from styleclip_core.networks.face_clip import FaceCLIP
from styleclip_core.packs.base import ReferenceFaces
from styleclip_core.training import captions
from styleclip_core.training.common import HELD_OUT
from styleclip_core.training.edited_data import EditedFaces
from styleclip_core.training.edited_faces import PROMPTS as OPTIMISED
from styleclip_core.training.face_clip import REFERENCE_FACES
from styleclip_core.training.face_clip_data import Data

ROSE, CAME, STAYED = 1.0, 1.0, 0.3  # deviations: of a score, of a label that came, and below which it did not
RELIABLE = 0.3  # labels by pixels that correlate less with those of random faces are not judged by


def misread(rises: np.ndarray, changes: np.ndarray) -> tuple[float, float]:
    """Of the rises ``[N]`` of a score the share where the label did not move; of labels that came, the share unseen.

    Args:
        changes: of the label ``[N]``, in deviations as the rises are.
    """
    rose, came = changes[rises > ROSE], rises[changes > CAME]
    return float((rose < STAYED).mean()) if len(rose) else np.nan, float((came < STAYED).mean()) if len(
        came
    ) else np.nan


@torch.no_grad()
def report(model: FaceCLIP, data: Data, edited: EditedFaces, faces: Tensor, edits: Tensor) -> str:
    """Figures on held-out faces, as a table and two sentences.

    Args:
        faces: the tower's features ``[N,1280]`` of ``data``.
        edits: the same of ``edited``.
    """
    embeddings = F.normalize(model.image_head(faces), dim=1)
    reference = ReferenceFaces(data.w[:REFERENCE_FACES], embeddings[:REFERENCE_FACES])
    seen = F.normalize(model.image_head(edits), dim=1)
    plain = {name: wordings[0][0] for name, wordings in PROMPTS.items()}
    rows = [
        ["random faces", *_auc(model, embeddings[-HELD_OUT:], data.scores[-HELD_OUT:])],
        ["edited faces", *_auc(model, seen[torch.from_numpy(edited.held_out)], _judged(edited)[edited.held_out])],
    ]
    lines = [markdown_table(["mean AUC", "plain", "conversational", "unusual"], rows)]
    every = [(text, name, None) for name, text in plain.items()]
    own = [(text, name, text) for text, name in OPTIMISED.items() if name]
    for title, asked in (("Any edit, any attribute", every), ("What pictures were optimised for", own)):
        rises, changes = _changes(model, reference, seen, edited, asked)
        without, unseen = misread(rises, changes)
        lines.append(
            f"{title}: {(rises > ROSE).sum()} of {len(rises)} scores rose by a deviation, {without:.3f} of them "
            f"without the label; of labels that rose by a deviation {unseen:.3f} were not seen."
        )
    return "\n".join(lines)


def _judged(edited: EditedFaces) -> np.ndarray:
    return np.where(edited.reliability > RELIABLE, edited.scores, np.nan)


def _auc(model: FaceCLIP, embeddings: Tensor, scores: np.ndarray) -> list[str]:
    """Mean AUC of the three wordings over the attributes that have faces of both kinds."""
    found = zero_shot(model, embeddings, {name: scores[:, a] for a, name in enumerate(captions.ATTRIBUTES)})
    return [f"{value:.3f}" for value in np.nanmean([figures[:, 0] for figures, _ in found.values()], axis=0)]


def _changes(
    model: FaceCLIP,
    reference: ReferenceFaces,
    seen: Tensor,
    edited: EditedFaces,
    asked: Sequence[tuple[str, str, str | None]],
) -> tuple[np.ndarray, np.ndarray]:
    """Rises of scores and changes of labels on held-out edited faces, in deviations, over all that is asked about.

    Args:
        asked: text, attribute that it claims, and the prompt that pictures were optimised for (None: any edit).
    """
    labels, rises, changes = edited.scores, [], []
    for text, attribute, prompt in asked:
        label, embedding = labels[:, captions.ATTRIBUTES.index(attribute)], model.encode_text([text])
        score = reference.z_score((seen @ embedding.T)[:, 0], embedding).numpy()
        change = label - label[edited.before]
        rows = edited.held_out & edited.edited & np.isfinite(change)
        if prompt is not None:
            rows &= edited.prompts == prompt
        rises.append((score - score[edited.before])[rows])
        changes.append(change[rows])
    return np.concatenate(rises), np.concatenate(changes)
