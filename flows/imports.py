"""Networks of the user's own: a .keras, .h5 or .onnx file in, a `Trained` network out.

A file is read by a step in a worker room, and its ranges are measured by another; both results are kept in the store
under the digests of what they came from, so that a repeated run reads neither again. Nothing is written beside the
user's file. Unsupported content of a file is returned as a refusal, which is a result as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backends.protocol import Refusal
from flows.core import files
from flows.core.errors import InputError, SetupError, StepFailed, UsageError
from flows.core.plan import Asset, Output, Plan
from flows.core.shape import listing, mapping, text
from flows.core.text import title
from flows.core.worker import worker
from flows.executor import Executor
from flows.jobs import Trained
from flows.packages import package_version
from flows.results import REFUSAL, anything, read_result
from models import cifar10
from models.card import read_card
from models.integer_network import FACTS, IntegerNetwork, open_integers
from models.network import Network
from models.pixels import Pixels
from models.ranges import Ranges, load_ranges, range_ends
from models.serial import network_from_json, network_to_json, pixels_to_json
from models.weights import Weights, open_weights

READERS = {".keras": "h5py", ".h5": "h5py", ".hdf5": "h5py", ".onnx": "onnx"}
"""The formats that are read, and the package that each needs."""
CIFAR_IMAGE, CIFAR_CLASSES = (32, 32, 3), (len(cifar10.CLASSES),)
ADVICE = "save it with Keras 3 as .keras, or export it as .onnx"
FROM_TORCH = "load it where its code is, then torch.onnx.export(model.eval(), example, 'model.onnx')"
OTHERS = {".pt": FROM_TORCH, ".pth": FROM_TORCH}
"""What to do with formats that are not read, since they hold code."""
WEIGHTS = "weights.safetensors"
"""What the step that reads a file leaves of its weights."""
LIMIT_S = 300.0
"""A file that takes longer to read is suspect: it was made to take long."""
IMAGES_LIMIT = 1 << 30
"""Bytes of a file of images: 350,000 of CIFAR-10's size, far more than ranges need."""
IMAGES_FILE, LABELS_FILE = "images.npy", "labels.npy"
"""In a folder that ``--data`` names."""
OWN_ADVICE = "save it with numpy.savez('data.npz', images=..., labels=...), or images.npy and labels.npy in a folder"
EXTRA = "install the extra: pip install -e '.[import]'"


def import_trained(
    path: Path, data: Path | None, calibration: Path | None, executor: Executor, pixels: Pixels | None = None
) -> Trained:
    """The network in `path` with its weights and ranges.

    `pixels` are those that the file's input is given, where the user says so; else they are taken from its first layer.
    Ranges are measured on the images in the file `calibration`, or else on training images of CIFAR-10 in the folder
    `data`; a quantised file says them itself, and `flows train` leaves them, with a card, beside the file that it
    writes. Raises `InputError` where the file cannot be taken, and `UsageError` where there are no images.
    """
    result = read_file(path, executor, pixels)
    network, weights = _network(path, result)
    integer = _integer(result)
    if data and not is_own(data):
        advice = "leave --data out, and give --calibration with images of its own"
        _check_cifar(f"--network {path}", network, advice)
    if integer and not calibration:
        return Trained(network, weights, _represented(result, network, weights), None, integer)
    card = None if pixels else read_card(path.with_suffix(".card.json"), weights.digest)
    if not (calibration or data or pixels) and (beside := path.with_suffix(".ranges.json")).exists():
        return Trained(network, weights, load_ranges(beside, network, weights.digest), card, integer)
    if calibration:
        images = asset(calibration, "give a .npy file", IMAGES_LIMIT)
    elif data and is_own(data):
        images = own_images(network, data, True, executor)[1]
    elif data:
        (batch,) = cifar10.find(data, cifar10.TRAIN[:1])
        images = Asset(batch, cifar10.check(batch))
    else:
        fact = "nothing is known of the values that its tensors reach, on which every fixed-point type depends"
        advice = "give --data DIR (CIFAR-10) or FILE.npz (images and labels), or --calibration FILE.npy with images"
        shape = ", ".join(map(str, network.input_shape))
        raise UsageError(f"--network {path}", fact, f"{advice} (N, {shape}), uint8")
    return Trained(network, weights, measure_ranges(network, weights, images, executor), card, integer)


def read_network(path: Path, executor: Executor, pixels: Pixels | None = None) -> tuple[Network, Weights]:
    """The network in `path`, folded, and its weights, which lie in the store; `pixels` as in `import_trained`."""
    return _network(path, read_file(path, executor, pixels))


def read_definition(path: Path, executor: Executor, pixels: Pixels | None = None) -> Network:
    """The layers in `path` as they are trained, batch normalisation and dropout among them: a classifier of CIFAR-10's
    images. Raises `InputError` where it is quantised."""
    result = read_file(path, executor, pixels)
    if not (result / "definition.json").exists():
        fact = "a quantised network, and training starts from one that is not"
        raise InputError(str(path), fact, "give the float network, then train with --qat")
    network = network_from_json(read_result(result / "definition.json", anything), str(path))
    _check_cifar(str(path), network, "training is on CIFAR-10: give a network of such images and classes")
    return network


def read_file(path: Path, executor: Executor, pixels: Pixels | None = None) -> Path:
    """The folder in the store in which all that was read of `path` lies."""
    package = READERS.get(path.suffix)
    if package is None:
        fact = f"a file, but none of {', '.join(READERS)}, which alone are read"
        raise UsageError(f"--network {path}", fact, OTHERS.get(path.suffix, ADVICE))
    if package_version(package) == "absent":
        raise SetupError(f"package {package}", f"not installed, and reading {path.suffix} files needs it", EXTRA)
    result = _read(path, package, {}, executor, pixels)
    if (result / "wanted.json").exists():
        wanted = read_result(result / "wanted.json", listing(text()))
        result = _read(path, package, {name: beside(path, name) for name in wanted}, executor, pixels)
    _raise_refusal(result)
    return result


def _network(path: Path, result: Path) -> tuple[Network, Weights]:
    network = network_from_json(read_result(result / "network.json", anything), str(path))
    return network, open_weights(result / WEIGHTS, network)


def _integer(result: Path) -> IntegerNetwork | Refusal | None:
    """The network of integers in a quantised file, or why there is none; None for a float file."""
    if (result / FACTS).exists():
        return open_integers(result, read_result(result / FACTS, anything))
    if (result / "not_integers.json").exists():
        reason = read_result(result / "not_integers.json", REFUSAL)
        return Refusal(reason.culprit, reason.fact, reason.next_step)
    return None


def _represented(result: Path, network: Network, weights: Weights) -> Ranges:
    """The ranges of the quantisers."""
    reach = read_result(result / "ranges.json", mapping(range_ends))
    return Ranges(network.digest, weights.digest, "quantisers", 0, reach)


def is_own(data: Path) -> bool:
    """Whether ``--data`` names images of the user's own, and not a folder with CIFAR-10."""
    return data.suffix == ".npz" or (data / IMAGES_FILE).is_file()


def own_images(network: Network, data: Path, ranges: bool, executor: Executor) -> tuple[Asset, Asset]:
    """(test images with labels, images to measure ranges on), read of ``--data``; both the first without `ranges`."""
    paths = [data] if data.suffix == ".npz" else [data / IMAGES_FILE, data / LABELS_FILE]
    files = {f"given/{path.name}": asset(path, OWN_ADVICE, IMAGES_LIMIT) for path in paths}
    (classes,) = network.shapes[network.output]
    step = worker(
        name="dataset",
        about=f"reads {data.name}: images and their labels",
        module="models.imported.workers.dataset",
        ask={"files": list(files), "shape": network.input_shape, "classes": classes, "ranges": ranges},
        files=files,
        makes=("dataset",),
        packages=("numpy",),
        limit_s=LIMIT_S,
    )
    result = executor.execute(Plan((step,))).path(Output("dataset", "dataset"))
    assert result, "the interpreter is never absent"
    _raise_refusal(result)
    test, calibration = (result / name for name in ("test.npz", "calibration.npy" if ranges else "test.npz"))
    return asset(test, OWN_ADVICE, 2 * IMAGES_LIMIT), asset(calibration, OWN_ADVICE, 2 * IMAGES_LIMIT)


def measure_ranges(network: Network, weights: Weights, images: Asset, executor: Executor) -> Ranges:
    """What every tensor reaches on these images: a CIFAR-10 batch (.bin), or else an array (.npy)."""
    if package_version("torch") == "absent":
        raise SetupError("package torch", "not installed, and measuring ranges needs it", EXTRA)
    place = f"given/{images.path.name}"
    ask = {"network": network_to_json(network), "weights": "weights.safetensors", "images": place}
    step = worker(
        name="ranges",
        about=f"what the tensors of {network.name} reach on {images.path.name}",
        module="models.imported.workers.measure",
        ask=ask,
        files={"weights.safetensors": Asset(weights.path, weights.digest), place: images},
        makes=("measured",),
        packages=("torch", "numpy", "safetensors"),
    )
    result = executor.execute(Plan((step,))).path(Output("ranges", "measured"))
    assert result, "the interpreter is never absent"
    _raise_refusal(result)
    return load_ranges(result / "ranges.json", network, weights.digest)


def _read(path: Path, package: str, external: Mapping[str, Asset], executor: Executor, pixels: Pixels | None) -> Path:
    """The folder in which the worker left what it found, with these files laid beside the model."""
    ask: dict[str, Any] = {"file": f"given/{path.name}", "name": title(path.stem), "external": list(external)}
    ask |= {"pixels": pixels_to_json(pixels)} if pixels else {}
    model = asset(path, "give a .keras, .h5 or .onnx file")
    step = worker(
        name="import",
        about=f"reads {path.name}; nothing in it is executed",
        module="models.imported.workers.load",
        ask=ask,
        files={f"given/{path.name}": model, **{f"given/{name}": other for name, other in external.items()}},
        makes=("imported",),
        packages=(package, "numpy", "safetensors"),
        limit_s=LIMIT_S,
    )
    try:
        result = executor.execute(Plan((step,))).path(Output("import", "imported"))
    except StepFailed as error:  # HDF5 crashes on some damaged files rather than say so
        raise InputError(str(path), f"damaged: reading it failed ({error.fact})", error.next_step) from None
    assert result, "the interpreter is never absent"
    return result


def beside(path: Path, name: str) -> Asset:
    """A file in the folder of `path`, links followed; raises `InputError` where it leads out of it."""
    file, folder = (path.parent / name).resolve(), path.parent.resolve()
    if not file.is_relative_to(folder):
        fact = f"its weights stand in {name!r}, outside the model's folder"
        raise InputError(str(path), fact, "do not trust this file; or put all files into one folder")
    return asset(file, "put it beside the model again")


def asset(path: Path, advice: str, limit: int = files.MODEL_LIMIT) -> Asset:
    """A file of the user's; raises `InputError`, with `advice`, where it cannot be read or is larger than `limit`."""
    return Asset(path, files.digest(path, limit, advice))


def _raise_refusal(result: Path) -> None:
    if (result / "refusal.json").exists():
        raise read_result(result / "refusal.json", REFUSAL)


def _check_cifar(culprit: str, network: Network, advice: str) -> None:
    entry, end = network.input_shape, network.shapes[network.output]
    if (entry, end) != (CIFAR_IMAGE, CIFAR_CLASSES):
        size, classes = "x".join(map(str, entry)), " x ".join(map(str, end))
        fact = f"takes {size} images and gives {classes} results, where CIFAR-10 has 32x32x3 and 10"
        raise InputError(culprit, fact, advice)
