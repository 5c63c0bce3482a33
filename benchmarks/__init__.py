"""Programs that measure and print tables; `python -m benchmarks` lists them."""
