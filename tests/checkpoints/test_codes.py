"""Files of W+ codes: read as they are written, and refused where they hold something else."""

import pytest
import torch

from styleclip_core.checkpoints import load_codes
from styleclip_core.errors import BadCheckpoint


def test_codes_are_read_with_or_without_a_batch(tmp_path):
    code = torch.randn(18, 512, generator=torch.Generator().manual_seed(0))
    for saved in (code, code[None], torch.nn.Parameter(code[None])):
        torch.save(saved, tmp_path / "0.pt")
        assert torch.equal(load_codes(tmp_path / "0.pt"), code[None])


@pytest.mark.parametrize(
    "wrong", [torch.zeros(18, 3), torch.zeros(512), {"w": 1}, torch.full((18, 512), torch.nan), print]
)
def test_other_things_are_refused(wrong, tmp_path):
    torch.save(wrong, tmp_path / "0.pt")
    with pytest.raises(BadCheckpoint, match="0.pt"):
        load_codes(tmp_path / "0.pt")
