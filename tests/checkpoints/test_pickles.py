"""Pickles: NVIDIA's are read without their code, and those that would run something are refused."""

import collections
import io
import os
import pickle
import sys
import types
import zipfile

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from styleclip_core.checkpoints.pickles import read_nvidia, read_torch
from styleclip_core.checkpoints.stylegan2 import load_generator
from styleclip_core.errors import BadCheckpoint
from support import goldens

FIR = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64


def stub(name, **attributes):
    """A module that exists while something is pickled; pickles name their functions by it."""
    module = types.ModuleType(name)
    for key, value in attributes.items():
        value.__module__ = name
        setattr(module, key, value)
    return module


@pytest.fixture
def nvidia(monkeypatch):
    """Where NVIDIA's classes would be. Their code must never run."""

    def _reconstruct_persistent_obj(meta):
        raise AssertionError("the pickle's code was run")

    class EasyDict(dict):
        pass

    _reconstruct_persistent_obj.__qualname__, EasyDict.__qualname__ = "_reconstruct_persistent_obj", "EasyDict"
    persistence = stub("torch_utils.persistence", _reconstruct_persistent_obj=_reconstruct_persistent_obj)
    for module in (stub("torch_utils"), persistence, stub("dnnlib"), stub("dnnlib.util", EasyDict=EasyDict)):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return types.SimpleNamespace(reconstruct=_reconstruct_persistent_obj, EasyDict=EasyDict)


class Persistent:
    """Pickles as modules of stylegan2-ada-pytorch do: a call on their source code and their ``__dict__``."""

    source = "raise AssertionError('the pickle brought code and it was run')"

    def __init__(self, nvidia, class_name, state):
        self.nvidia, self.class_name, self.state = nvidia, class_name, state

    def __reduce__(self):
        meta = {"type": "class", "version": 6, "module_src": self.source, "class_name": self.class_name}
        return self.nvidia.reconstruct, (meta | {"state": self.state},)


def as_module(nvidia, tensors, class_name="Generator"):
    """Nested modules from a flat state dict: buffers where NVIDIA has them, parameters elsewhere."""
    ordered = collections.OrderedDict
    state = {"training": True, "_parameters": ordered(), "_buffers": ordered(), "_modules": ordered()}
    state |= {"_init_kwargs": nvidia.EasyDict(z_dim=512), "_non_persistent_buffers_set": set()}
    children = {}
    for name, value in tensors.items():
        head, _, rest = name.partition(".")
        if rest:
            children.setdefault(head, {})[rest] = value
        elif head in ("w_avg", "resample_filter", "noise_const"):
            state["_buffers"][head] = value
        else:
            state["_parameters"][head] = torch.nn.Parameter(value)
    state |= {
        "weight_gain": np.float64(0.1),
        "act_gain": np.sqrt(2),
        "up": np.int64(1),
    }  # as NVIDIA's layers compute them
    for head, child in children.items():
        state["_modules"][head] = as_module(nvidia, child, head)
    return Persistent(nvidia, class_name, state)


def write(path, nvidia, tensors, protocol=3):
    content = {"G": None, "D": as_module(nvidia, {"b4.out.weight": torch.zeros(1)}), "augment_pipe": None}
    content |= {"training_set_kwargs": nvidia.EasyDict(path="x.zip"), "G_ema": as_module(nvidia, tensors)}
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


def nvidia_state(levels=3, channels=8):
    random = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(shape, generator=random)

    state = {"synthesis.b4.const": normal(channels, 4, 4), "mapping.w_avg": normal(512)}
    for i in range(2):  # a shallow mapping network, as in its configuration "auto"
        state |= {f"mapping.fc{i}.weight": normal(512, 512), f"mapping.fc{i}.bias": normal(512)}
    for k in range(levels):
        block, size = f"synthesis.b{4 << k}", 4 << k
        state[f"{block}.resample_filter"] = FIR
        for conv in ("conv0", "conv1")[k == 0 :]:
            state[f"{block}.{conv}.weight"] = normal(channels, channels, 3, 3)
            state[f"{block}.{conv}.bias"] = normal(channels)
            state |= {f"{block}.{conv}.noise_strength": normal(), f"{block}.{conv}.noise_const": normal(size, size)}
            state[f"{block}.{conv}.resample_filter"] = FIR
        state |= {f"{block}.torgb.weight": normal(3, channels, 1, 1), f"{block}.torgb.bias": normal(3)}
        for layer in ("conv0", "conv1", "torgb")[k == 0 :]:
            state[f"{block}.{layer}.affine.weight"] = normal(channels, 512)
            state[f"{block}.{layer}.affine.bias"] = normal(channels)
    return state


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_nvidias_pickles_load_without_their_code(nvidia, tmp_path, protocol):
    state = nvidia_state()
    generator = load_generator(write(tmp_path / "model.pkl", nvidia, state, protocol))
    assert generator.resolution == 16 and generator.channels == (8, 8, 8) and len(generator.mapping.layers) == 2
    assert torch.equal(generator.w_avg, state["mapping.w_avg"])
    assert torch.allclose(generator.convs[2][0].weight, state["synthesis.b16.conv0.weight"] / 72**0.5)
    assert torch.allclose(generator.affines[7].weight, state["synthesis.b16.torgb.affine.weight"] / 512**0.5)
    noise = state["synthesis.b16.conv1.noise_const"] * state["synthesis.b16.conv1.noise_strength"] * 2**0.5
    assert torch.allclose(generator.convs[2][1].noise[0, 0], noise)
    assert not generator.training and not any(p.requires_grad for p in generator.parameters())
    assert generator.synthesize(generator.w_avg[None]).isfinite().all()


def test_ptis_files_are_read_without_their_code(nvidia, tmp_path, monkeypatch):
    state = nvidia_state()
    load = load_generator(write(tmp_path / "model.pkl", nvidia, state))
    for protocol in (2, 4):
        torch.save(as_module(nvidia, state), tmp_path / "model_x_0.pt", pickle_protocol=protocol)
        pti = load_generator(tmp_path / "model_x_0.pt")
        assert all(torch.equal(value, pti.state_dict()[name]) for name, value in load.state_dict().items())
    torch.save({"G": as_module(nvidia, state)}, tmp_path / "several.pt")
    with pytest.raises(BadCheckpoint, match="several.pt.*no single module"):
        load_generator(tmp_path / "several.pt")
    whole = (tmp_path / "model_x_0.pt").read_bytes()
    (tmp_path / "model_x_0.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadCheckpoint, match="model_x_0.pt"):
        load_generator(tmp_path / "model_x_0.pt")


@pytest.mark.parametrize("call", ["open", "exec", "system"])
def test_a_saved_module_that_would_run_something_is_refused(nvidia, call, tmp_path):
    state = nvidia_state() | {"mapping.evil": torch.zeros(1)}
    module = as_module(nvidia, state)
    module.state["evil"] = Evil(tmp_path / "made", call)
    torch.save(module, tmp_path / "model_x_0.pt")
    with pytest.raises(BadCheckpoint, match="model_x_0.pt.*no code in it was run"):
        load_generator(tmp_path / "model_x_0.pt")
    assert not (tmp_path / "made").exists()


def test_tensors_beyond_their_storage_are_refused(nvidia, tmp_path, monkeypatch):
    class Beyond:
        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, (torch.zeros(4).storage(), 0, (1000, 1000), (1000, 1), False, {})

    module = as_module(nvidia, nvidia_state())
    module.state["beyond"] = Beyond()
    torch.save(module, tmp_path / "model_x_0.pt")
    with pytest.raises(BadCheckpoint, match="model_x_0.pt"):
        load_generator(tmp_path / "model_x_0.pt")


def test_what_an_nvidia_pickle_lacks_or_has_too_much_is_named(nvidia, tmp_path):
    state = nvidia_state()
    del state["synthesis.b8.conv1.bias"]
    state["mapping.embed.weight"] = torch.zeros(2)
    with pytest.raises(BadCheckpoint, match="missing: synthesis.b8.conv1.bias; keys not known: mapping.embed.weight"):
        load_generator(write(tmp_path / "model.pkl", nvidia, state))
    (tmp_path / "empty.pkl").write_bytes(pickle.dumps({"G_ema": None}))
    with pytest.raises(BadCheckpoint, match="empty.pkl: no StyleGAN2 generator"):
        load_generator(tmp_path / "empty.pkl")


@torch.no_grad()
@pytest.mark.parametrize("name", ["nvidia_stylegan2_church_256", "nvidia_stylegan2_ffhq_1024"])
def test_nvidias_generators_match_the_reference_outputs(nvidia, name, tmp_path):
    golden = goldens.load(name)
    generator = load_generator(write(tmp_path / "model.pkl", nvidia, goldens.weights(name)))
    assert (generator.mapping(golden["z"]) - golden["w"]).abs().max() < 1e-3 * golden["w"].abs().max()
    image, corner = generator.synthesize(golden["w_plus"]), generator.resolution // 2 - 16
    crop = image[..., corner : corner + 32, corner : corner + 32]
    for found, wanted in ((F.adaptive_avg_pool2d(image, 64), golden["image_64"]), (crop, golden["image_crop"])):
        assert (found - wanted).abs().max() < 1e-3 * wanted.abs().max()


# Pickles that would do something


class Evil:
    """Creates a file when it is unpickled."""

    def __init__(self, path, call="open"):
        self.path, self.call = path, call

    def __reduce__(self):
        if self.call == "open":
            return open, (str(self.path), "w")
        if self.call == "exec":
            return exec, (f"open({str(self.path)!r}, 'w')",)
        return os.system, (f"touch {self.path}",)


def zipped(content):
    """A file as `torch.save` writes them, its pickle made by pickle itself."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, protocol=2))
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def storage_bytes(evil):
    """A tensor whose numbers are themselves an evil pickle, for the function that NVIDIA's pickles load numbers by."""

    class Bytes:
        def __reduce__(self):
            return torch.storage._load_from_bytes, (pickle.dumps(evil, 2),)

    return pickle.dumps({"G_ema": Bytes()})


class Asks:
    """Pickles as a call of one of numpy's functions."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def as_number(evil):
    """A number of the type object, whose value is the evil pickle's own object."""
    return pickle.dumps({"G_ema": Asks(np._core.multiarray.scalar, np.dtype("O"), evil)})


def as_array(evil):
    return pickle.dumps({"G_ema": np.array([evil], object)})


FORMS = {
    "number": as_number,
    "array": as_array,
    "pickle": lambda evil: pickle.dumps(evil, 2),
    "nested": lambda evil: pickle.dumps({"G_ema": {"state": [evil]}, "latent_avg": None}, 2),
    "zipped": lambda evil: zipped({"g_ema": {"style.1.weight": evil}}),
    "legacy": lambda evil: pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps(evil, 2) * 2,
    "text": lambda evil: pickle.dumps(evil, 0),
    "storage": storage_bytes,
}


@pytest.mark.parametrize("call", ["open", "exec", "system"])
@pytest.mark.parametrize("form", FORMS)
def test_pickles_that_would_run_something_are_refused(form, call, tmp_path):
    evil, file = Evil(tmp_path / "made", call), tmp_path / "model.pkl"
    file.write_bytes(FORMS[form](evil))
    for load in (load_generator, read_torch, read_nvidia):
        with pytest.raises(BadCheckpoint, match="model.pkl"):
            load(file)
    assert not (tmp_path / "made").exists()
    pickle.loads(pickle.dumps(evil))  # the attack is a real one
    assert (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "hostile",
    [
        np.dtype("O"),
        np.dtype([("a", "f8"), ("b", "O")]),
        np.dtype("V8"),
        np.dtype("U4"),
        Asks(np.load, "somewhere.npy", None, True),
        Asks(np.fromfile, "somewhere"),
        Asks(np._core.multiarray.scalar, "f8", b"12345678"),
        np.array([1.0]),  # arrays are in no module's settings
    ],
)
def test_of_numpy_only_plain_numbers_are_known(hostile, tmp_path):
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"G_ema": hostile}))
    with pytest.raises(BadCheckpoint, match="it (asks for|holds values)"):
        read_nvidia(tmp_path / "model.pkl")


def test_a_pickle_cannot_alter_numpys_types(tmp_path):
    class Type:
        """A type without a copy of its own, whose byte order is then changed."""

        def __reduce__(self):
            return np.dtype, ("f4", False, False), (3, ">", None, None, None, -1, -1, 0)

    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"G_ema": Type()}))
    assert read_nvidia(tmp_path / "model.pkl") == {}
    assert np.dtype("f4").byteorder == "=" and np.float32(1).tobytes() == b"\0\0\x80?"


def test_code_that_comes_with_a_module_is_left_alone(nvidia, tmp_path, monkeypatch):
    monkeypatch.setattr(Persistent, "source", f"open({str(tmp_path / 'made')!r}, 'w')")
    assert load_generator(write(tmp_path / "model.pkl", nvidia, nvidia_state())).resolution == 16
    assert not (tmp_path / "made").exists()


def test_tensorflows_pickles_are_refused_with_advice(tmp_path, monkeypatch):
    class Network:
        def __reduce__(self):
            return Network, ()

    Network.__qualname__ = "Network"
    for module in (stub("dnnlib"), stub("dnnlib.tflib"), stub("dnnlib.tflib.network", Network=Network)):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    (tmp_path / "old.pkl").write_bytes(pickle.dumps((Network(), Network(), Network())))
    with pytest.raises(BadCheckpoint, match="old.pkl: this is a TensorFlow pickle.*legacy.py --source"):
        load_generator(tmp_path / "old.pkl")


def test_damaged_files_are_refused(nvidia, tmp_path):
    whole = write(tmp_path / "whole.pkl", nvidia, nvidia_state()).read_bytes()
    cases = {"cut.pkl": whole[: len(whole) // 2], "start.pkl": whole[:3], "empty.pkl": b"", "text.pkl": b"<html>"}
    cases["zip.pt"] = zipped({"g_ema": {}})[:-30]
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadCheckpoint, match=name):
            load_generator(tmp_path / name)
    with pytest.raises(BadCheckpoint, match="nowhere.pkl cannot be read"):
        read_nvidia(tmp_path / "nowhere.pkl")
    with pytest.raises(BadCheckpoint, match="cannot be read"):
        load_generator(tmp_path)
