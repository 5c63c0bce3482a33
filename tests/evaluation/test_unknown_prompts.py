"""Prompts that judge the reading of prompts, and how the shipped weights do on them."""

import numpy as np
import pytest

from benchmarks import prompts
from styleclip_core import load_pack
from styleclip_core.evaluation.unknown_prompts import COMPOUNDS, FAR, NEAR
from styleclip_core.training import captions
from styleclip_core.training.concept_texts import examples
from styleclip_core.training.concepts import vocabulary, words_that_judge


@pytest.fixture(scope="module")
def pack():
    return load_pack("compact", "cpu")


def test_they_are_no_training_texts():
    known = {p[1:].lower() for pair in captions.PHRASES.values() for phrases in pair for p in phrases}
    known |= {caption.text.lower().strip(".") for caption in captions.sentences()}
    asked = [text.lower().strip(".") for text in (*NEAR, *FAR, *(c.prompt for c in COMPOUNDS))]
    assert len(NEAR) == len(FAR) == 60 and len(COMPOUNDS) >= 40
    assert len(set(asked)) == len(asked) and not known & set(asked)
    assert all(set(compound.signs()) <= set(captions.ATTRIBUTES) for compound in COMPOUNDS)


def test_no_text_that_is_made_for_training_holds_their_rare_words():
    made = [e.text for e in examples(vocabulary(), words_that_judge(), seed=0, size=0.05) if e.known == 0]
    assert made and not {"zombie", "mohawk", "ramen", "cyborg"} & {word for text in made for word in text.split()}


def test_known_wordings_are_told_from_near_and_far_misses(pack):
    assert prompts.separation(pack, NEAR) >= 0.93
    assert prompts.separation(pack, FAR) >= 0.98


def test_few_known_wordings_are_called_unknown(pack):
    known = [text for text, *_ in prompts.known_wordings()]
    assert len(prompts.called_unknown(pack, known)) <= 0.05 * len(known)
    assert len(prompts.called_unknown(pack, list(FAR))) >= 0.95 * len(FAR)


def test_the_likeliest_concept_is_right(pack):
    shares = prompts.likeliest(pack)
    assert shares["plain"] >= 0.9 and np.mean(list(shares.values())) >= 0.85


def test_compounds_are_read(pack):
    figures, misses = prompts.judge_compounds(pack)
    assert figures["exactly right"] >= 0.8 and min(figures["precision"], figures["recall"]) >= 0.9, misses
