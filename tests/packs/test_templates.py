"""The sentences that texts are put into before their embeddings are averaged."""

from styleclip_core import Pack
from styleclip_core.packs import templates


def test_clip_gets_styleclips_sentences_word_for_word(pack: Pack) -> None:
    found = templates.styleclip()
    assert len(found) == len(set(found)) == 79 and all(template.count("{}") == 1 for template in found)
    assert {"a bad photo of a {}.", "itap of my {}.", "a tattoo of the {}."} < set(found)
    assert "a photo of many {}." not in found, "which StyleCLIP leaves out"
    assert pack.templates == found
