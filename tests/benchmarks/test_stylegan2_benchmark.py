"""The benchmark of StyleGAN2: its tables, and its count of operations."""

import torch

from benchmarks import stylegan2 as benchmark
from styleclip_core.networks.stylegan2 import StyleGAN2


def test_the_benchmark_prints_its_tables(capsys):
    benchmark.main("--device cpu --resolution 8 --runs 1 --backend eager".split())
    out = capsys.readouterr().out
    assert "GFLOP/s" in out and "% of torch.mm" in out
    rows = {line[:16].strip(): [float(n) for n in line[16:].split()] for line in out.splitlines() if "fp32 " in line}
    assert rows.keys() == {"fp32 eager", "fp32 compiled"}
    assert all(len(row) == 5 and min(row) > 0 for row in rows.values())


def test_operations_are_counted_as_published():
    with torch.device("meta"):
        counted, needed = benchmark.gflop(StyleGAN2())
    assert 280 < counted < 290  # the usual 143 billion multiplications
    assert needed < 0.53 * counted
