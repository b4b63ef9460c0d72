"""The models that FaceTrack knows: the source of each, how it is recognised, what its licence allows.

A file counts as a model only if its SHA-256 is the one written here, under any of its known names.
Checksums and sizes of files that were not at hand were taken from several public projects that agree.

How the thresholds were found
-----------------------------
`edgeface-*` and `dlib` were calibrated on the AT&T Database of Faces: 20 people with 10 pictures each,
enlarged twice, aligned as the product does it. Strangers in it are as alike as strangers get (same camera,
same light, grey), so that the false matches a camera sees are rather fewer. FMR is the share of pairs of
strangers at or above a cosine, TAR that of pairs of one person.

  edgeface-xs  single pictures (900 pairs of one person, 19,000 of strangers): FMR 1e-3 at 0.280 (TAR 0.990),
               FMR 1e-4 at 0.354 (TAR 0.981), no stranger above 0.361; all 40 people of the database: FMR
               1e-4 at 0.341. Templates, which the product compares: FMR 1e-4 at 0.329 (two pictures each)
               and 0.307 (three), TAR 1.000. A stranger's runner-up follows within 0.09 in 95 % of the cases.
  edgeface-xxs  the same pictures: FMR 1e-3 at 0.327 (TAR 0.980), FMR 1e-4 at 0.410 (TAR 0.952), no stranger
               above 0.417. Templates: FMR 1e-4 at 0.356 (two pictures each) and 0.349 (three), none above
               0.377, TAR 1.000. A stranger's runner-up follows within 0.10 in 95 % of the cases.
  dlib         single pictures (867 and 18,243 pairs): FMR 1e-3 at 0.934 (TAR 0.971), FMR 1e-4 at 0.942
               (TAR 0.949). Cosines are that high because dlib's vectors all point one way (its own measure
               is distance); means of several pictures are more alike still. Templates of three pictures:
               FMR 2e-3 at 0.945, 2e-4 at 0.950, none of 38,000 at 0.954, where TAR is 1.000; one picture
               against three: none at 0.950, TAR 0.969 at 0.954. The runner-up of a stranger follows within
               0.009 in half of the cases; the right person leads by 0.035 or more in 99 %.
  arcface-*    could not be calibrated where this was written. Published practice instead: InsightFace's own
               desktop tool links at 0.40, Immich at 0.50 (`buffalo_l`), and the best F1 on LFW lies at 0.247
               (`buffalo_l`) and 0.231 (`buffalo_s`, deepghs/insightface). Calibrate them before relying on
               them; the small network, whose accuracy is lower, links a little later.
"""

from __future__ import annotations

from dataclasses import dataclass

from workers.recognition.config import Thresholds

INSIGHTFACE = "https://github.com/deepinsight/insightface"
RELEASE = f"{INSIGHTFACE}/releases/download/v0.7"
EMBEDDING_DIMENSION = 512
"""Length of every embedding in the product; packs with fewer numbers are padded with zeros."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """A file as its publisher offers it.

    names     file names under which it is known; the first is the one it gets in the cache
    url       where the publisher offers it; None if the publisher does not offer this very file
    member    its name inside the zip at `url`; None where `url` is the file itself
    download  bytes at `url`
    """

    names: tuple[str, ...]
    sha256: str
    size: int
    url: str | None = None
    member: str | None = None
    download: int = 0

    @property
    def published_name(self) -> str:
        """The name under which a mirror must offer it: the publisher's, or our own if there is none."""
        return self.url.rsplit("/", 1)[-1] if self.url else self.names[0]

    @property
    def download_size(self) -> int:
        return self.download or self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that detects or recognises faces.

    files    editions of the same model, any of which will do; if `package` is set, all are needed
    page     where the publisher describes it
    permits  what the licence allows, in one sentence, for the person who picks the model
    input    the input of the network
    package  folder of an installed package that holds `files`: its import name, a slash, the way inside it
    needs    import names of packages that have to be installed besides; `install` is the command that does it
    """

    name: str
    files: tuple[ModelFile, ...]
    page: str
    licence: str
    permits: str
    input: str
    package: str | None = None
    needs: tuple[str, ...] = ()
    install: str = ""

    @property
    def kind(self) -> str:
        return "detector"

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.size for file in self.files) if self.package else self.files[0].size


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorModel(Model):
    """Finds faces and their five landmarks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack(Model):
    """Turns aligned faces into embeddings. `dimension` numbers of each embedding are significant."""

    dimension: int
    thresholds: Thresholds

    @property
    def kind(self) -> str:
        return "pack"


RESEARCH = "Non-commercial research only; for anything else InsightFace sells a licence."
ALIGNED = "112 x 112 RGB, five-point alignment"

_PACKS = (
    Pack(
        name="arcface-r50",
        files=(
            ModelFile(
                names=("w600k_r50.onnx",),
                sha256="4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
                size=174_383_860,
                url=f"{RELEASE}/buffalo_l.zip",
                member="w600k_r50.onnx",
                download=288_621_354,
            ),
        ),
        page=f"{INSIGHTFACE}/tree/master/model_zoo",
        licence="InsightFace model licence",
        permits=RESEARCH,
        input=ALIGNED,
        dimension=512,
        thresholds=Thresholds(match=0.40, review=0.30, margin=0.08),
    ),
    Pack(
        name="arcface-mbf",
        files=(
            # buffalo_sc.zip holds the very file of buffalo_s.zip in an eighth of the download.
            ModelFile(
                names=("w600k_mbf.onnx",),
                sha256="9cc6e4a75f0e2bf0b1aed94578f144d15175f357bdc05e815e5c4a02b319eb4f",
                size=13_616_099,
                url=f"{RELEASE}/buffalo_sc.zip",
                member="w600k_mbf.onnx",
                download=14_969_382,
            ),
        ),
        page=f"{INSIGHTFACE}/tree/master/model_zoo",
        licence="InsightFace model licence",
        permits=RESEARCH,
        input=ALIGNED,
        dimension=512,
        thresholds=Thresholds(match=0.42, review=0.32, margin=0.08),
    ),
    Pack(
        name="edgeface-xs",
        files=(
            # The publisher offers PyTorch weights (edgeface_xs_gamma_06.pt), not this export.
            ModelFile(
                names=("edgeface_xs.onnx",),
                sha256="907467c729e732ee30a7fcf6114330b7865a8464cef460b970569f817ae86a68",
                size=9_151_407,
            ),
        ),
        page="https://github.com/otroshi/edgeface",
        licence="code BSD-3-Clause, weights CC BY-NC-SA 4.0",
        permits="Non-commercial use with attribution; changed weights under the same licence.",
        input=ALIGNED,
        dimension=512,
        thresholds=Thresholds(match=0.35, review=0.28, margin=0.08),
    ),
    Pack(
        name="edgeface-xxs",
        files=(
            # As with XS: the publisher offers PyTorch weights (edgeface_xxs.pt).
            ModelFile(
                names=("edgeface_xxs.onnx",),
                sha256="9827a533db893b18b59e8ab191f9b67c74c4d71c96ea041cd390cd2b0b675d66",
                size=5_133_123,
            ),
        ),
        page="https://github.com/otroshi/edgeface",
        licence="code BSD-3-Clause, weights CC BY-NC-SA 4.0",
        permits="Non-commercial use with attribution; changed weights under the same licence.",
        input=ALIGNED,
        dimension=512,
        thresholds=Thresholds(match=0.42, review=0.33, margin=0.09),
    ),
    Pack(
        name="dlib",
        files=(
            ModelFile(
                names=("dlib_face_recognition_resnet_model_v1.dat",),
                sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
                size=22_466_066,
            ),
            ModelFile(
                names=("shape_predictor_68_face_landmarks.dat",),
                sha256="fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
                size=99_693_937,
            ),
        ),
        page="https://github.com/davisking/dlib-models",
        licence="public domain (CC0-1.0)",
        permits="Any use of the embedder; the landmark model learned from pictures (iBUG 300-W) whose owners "
        "exclude commercial use: get legal advice before commercial use.",
        input="150 x 150 RGB, five-point alignment; brings its own detector",
        package="face_recognition_models/models",
        needs=("dlib",),
        install="pip install -r requirements/dlib.txt",
        dimension=128,
        thresholds=Thresholds(match=0.954, review=0.945, margin=0.015),
    ),
)

_DETECTORS = (
    DetectorModel(
        name="yunet",
        files=(
            ModelFile(
                names=("yunet_n.onnx", "yunet_n_dynamic.onnx"),
                sha256="104ee26c71d5c270ce79a6b3dced91c91013260d29a6bf18f9296c5b8c4c2b12",
                size=322_906,
                url="https://github.com/ShiqiYu/libfacedetection.train/raw/"
                "dca340aa082c71081a68d17db8e58b33a58a914b/onnx/yunet_n_dynamic.onnx",
            ),
        ),
        page="https://github.com/ShiqiYu/libfacedetection.train",
        licence="Apache-2.0",
        permits="Any use, commercial too; keep the copyright notice.",
        input="any size in multiples of 32, BGR 0..255",
    ),
    DetectorModel(
        name="scrfd-500m",
        files=(
            ModelFile(
                names=("scrfd_500m_bnkps.onnx", "det_500m.onnx"),
                sha256="5e4447f50245bbd7966bd6c0fa52938c61474a04ec7def48753668a9d8b4ea3a",
                size=2_524_817,
                url=f"{RELEASE}/buffalo_sc.zip",
                member="det_500m.onnx",
                download=14_969_382,
            ),
        ),
        page=f"{INSIGHTFACE}/tree/master/detection/scrfd",
        licence="InsightFace model licence",
        permits=RESEARCH,
        input="any size in multiples of 32, RGB",
    ),
    DetectorModel(
        name="scrfd-2.5g",
        files=(
            # The publisher's present release, and the older export that is in circulation.
            ModelFile(
                names=("det_2.5g.onnx",),
                sha256="041f73f47371333d1d17a6fee6c8ab4e6aecabefe398ff32cca4e2d5eaee0af9",
                size=3_292_009,
                url=f"{RELEASE}/buffalo_m.zip",
                member="det_2.5g.onnx",
                download=275_951_529,
            ),
            ModelFile(
                names=("scrfd_2.5g_bnkps.onnx",),
                sha256="bc24bb349491481c3ca793cf89306723162c280cb284c5a5e49df3760bf5c2ce",
                size=3_290_207,
            ),
        ),
        page=f"{INSIGHTFACE}/tree/master/detection/scrfd",
        licence="InsightFace model licence",
        permits=RESEARCH,
        input="any size in multiples of 32, RGB",
    ),
    DetectorModel(
        name="scrfd-10g",
        files=(
            ModelFile(
                names=("det_10g.onnx", "scrfd_10g_bnkps.onnx"),
                sha256="5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91",
                size=16_923_827,
                url=f"{RELEASE}/buffalo_l.zip",
                member="det_10g.onnx",
                download=288_621_354,
            ),
        ),
        page=f"{INSIGHTFACE}/tree/master/detection/scrfd",
        licence="InsightFace model licence",
        permits=RESEARCH,
        input="any size in multiples of 32, RGB",
    ),
    DetectorModel(
        name="retinaface",
        files=(
            # The publisher offers PyTorch weights; no known server has this export.
            ModelFile(
                names=("retinaface_mnet025_640.onnx",),
                sha256="f8cce06cdfa5d2a07a8378c8cff4c4f33f0b00a3f24d9ef53042ff591a881eb7",
                size=1_709_521,
            ),
        ),
        page="https://github.com/biubug6/Pytorch_Retinaface",
        licence="MIT",
        permits="Any use, commercial too; keep the copyright notice.",
        input="640 x 640, BGR minus (104, 117, 123)",
    ),
)

PACKS: dict[str, Pack] = {pack.name: pack for pack in _PACKS}
DETECTORS: dict[str, DetectorModel] = {detector.name: detector for detector in _DETECTORS}
MODELS: dict[str, Model] = {**PACKS, **DETECTORS}
