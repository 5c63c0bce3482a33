"""Settings for all tests. Tests of real models use the user's cache of weights, which pip fills the first time."""

import torch

torch.set_num_threads(2)  # as on the smallest machine the studio is meant for; more only fight over small tensors
