"""Training of the reader of prompts: which concepts a text speaks of, and whether it speaks of anything else.

python -m styleclip_core train-concepts
"""

from __future__ import annotations

import json
import re

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from styleclip_core import weights
from styleclip_core.edits.concepts import CONCEPTS
from styleclip_core.evaluation.unknown_prompts import COMPOUNDS, FAR, NEAR
from styleclip_core.evaluation.zero_shot import PROMPTS
from styleclip_core.networks.concepts import ConceptReader
from styleclip_core.packs.compact import face_clip
from styleclip_core.training import captions
from styleclip_core.training.common import save_trained
from styleclip_core.training.concept_texts import Example, examples
from styleclip_core.training.face_clip_data import embed_captions

BATCH, RATE, NOISE, DECAY = 256, 1.5e-3, 0.025, 0.05  # noise: deviation of each of the 384 numbers
WEIGHT_OF_SILENCE, WEIGHT_OF_KNOWN, WEIGHT_OF_ORIGINALS = 0.15, 0.5, 2.5
FALSELY_UNKNOWN = 0.03  # share of held-out wordings that may count as unknown; prompts of several parts risk it often
SURELY_KNOWN = 0.25  # share of them below the second limit


def vocabulary() -> list[str]:
    """The words of the sentence encoder's tokenizer, the frequent first, without signs and the first 1,000 words."""
    ids = Tokenizer.from_file(str(weights.path("minilm/tokenizer.json"))).get_vocab()
    return [word for word, i in sorted(ids.items(), key=lambda item: item[1]) if i > 3000]


def words_that_judge() -> set[str]:
    """All words of the texts that the reader is judged by."""
    texts = [*NEAR, *FAR, *(c.prompt for c in COMPOUNDS)]
    texts += [text for pairs in PROMPTS.values() for pair in pairs for text in pair]
    return {word for text in texts for word in re.findall(r"[a-z'’-]+", text.lower())}


def states(chosen: list[Example]) -> Tensor:
    """``int64 [N,C]``: 0 where a text says the opposite of a concept, 1 where it is silent, 2 where it is there."""
    out = torch.ones(len(chosen), len(captions.ATTRIBUTES), dtype=torch.int64)
    for i, example in enumerate(chosen):
        for name, sign in example.claims.items():
            out[i, captions.ATTRIBUTES.index(name)] = 1 + sign
    return out


def train(chosen: list[Example], embeddings: Tensor, steps: int, seed: int) -> ConceptReader:
    """A reader of texts with their embeddings ``[N,384]``; the texts as they stand are its bank."""
    torch.manual_seed(seed)
    bank = embeddings[[i for i, example in enumerate(chosen) if example.wording == 0]]
    reader = ConceptReader(captions.ATTRIBUTES, len(bank))
    reader.bank.copy_(bank)
    target, known = states(chosen), torch.tensor([float(example.known == 1) for example in chosen])
    optimizer = torch.optim.AdamW(reader.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps)
    weight = torch.tensor([1, WEIGHT_OF_SILENCE, 1])
    share = torch.tensor([WEIGHT_OF_ORIGINALS if example.wording == 0 else 1 for example in chosen])
    for step in range(steps):
        rows = share.multinomial(BATCH, replacement=True)
        logits, all_known = reader(embeddings[rows] + NOISE * torch.randn(BATCH, embeddings.shape[1]))
        said = F.cross_entropy(logits.flatten(0, 1), target[rows].flatten(), weight, reduction="sum") / BATCH
        loss = said + WEIGHT_OF_KNOWN * F.binary_cross_entropy_with_logits(all_known, known[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 500 == 0:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)
    return reader.eval().requires_grad_(False)


def limits(reader: ConceptReader, chosen: list[Example], embeddings: Tensor) -> Tensor:
    """`ConceptReader.limits`, from texts that the reader was not trained with. Prints how well they separate."""
    familiar = reader.familiarity(embeddings, reader(embeddings)[1])
    known = torch.tensor([example.known for example in chosen])
    # Free wordings, written to be unusual, are not what most prompts are like; the limit is for ordinary ones.
    ordinary = torch.tensor([example.known == 1 and example.wording == 1 for example in chosen])
    found = familiar[ordinary].quantile(torch.tensor([FALSELY_UNKNOWN, SURELY_KNOWN]))
    for name, rows in (("free", (known == 1) & ~ordinary), ("partly known", known == 0.5), ("unknown", known == 0)):
        print(f"held-out texts, {name}: {(familiar[rows] < found[0]).float().mean():.3f} count as unknown")
    print(f"limits {[round(limit, 3) for limit in found.tolist()]}")
    return found


def run(steps: int = 4000, seed: int = 0) -> None:
    """Train the reader and write it to pretrained/; the limits come from a first one, trained on a part."""
    chosen, (model, _) = examples(vocabulary(), words_that_judge(), seed), face_clip()
    embeddings = embed_captions(model, [captions.Caption(example.text, ()) for example in chosen])
    print(f"{len(chosen)} texts, {sum(example.held_out for example in chosen)} held out", flush=True)
    rows = torch.tensor([example.held_out for example in chosen])
    parts = [[example for example in chosen if example.held_out == held_out] for held_out in (False, True)]
    found = limits(train(parts[0], embeddings[~rows], steps, seed), parts[1], embeddings[rows])
    reader = train(chosen, embeddings, steps, seed)
    reader.limits.copy_(found)
    names = torch.frombuffer(bytearray(json.dumps(reader.names).encode()), dtype=torch.uint8)
    save_trained(reader.state_dict() | {"names": names}, weights.PRETRAINED / CONCEPTS)
