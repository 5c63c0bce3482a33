"""Prompts that judge a text-image model."""

from styleclip_core.evaluation.zero_shot import PROMPTS
from styleclip_core.training import captions


def test_evaluation_prompts_are_no_training_texts():
    known = {p[1:].lower() for pair in captions.PHRASES.values() for phrases in pair for p in phrases}
    known |= {caption.text.lower().strip(".") for caption in captions.sentences()}
    asked = {text.lower().strip(".") for wordings in PROMPTS.values() for pair in wordings for text in pair}
    assert len(asked) >= 180 and not known & asked
