"""Opens the model of a bundle, whichever kind it is."""

from __future__ import annotations

from ripieno.inference.blocks.model import BlockModel
from ripieno.inference.bundle import Manifest
from ripieno.inference.bundle_graphs import Rewind
from ripieno.inference.cached_model import CachedModel, FramedModel
from ripieno.inference.growing_model import GrowingModel
from ripieno.inference.model import Model
from ripieno.inference.onnx_model import StepModel


def open_model(manifest: Manifest, precision: str = "auto", threads: int = 1) -> Model:
    """Load the graphs of `precision` ('int8', 'fp32', 'auto') and run them dry.

    Checks every file's SHA-256, the graphs' real tensors against the manifest, and that the first
    logits are finite. Raises BundleError.
    """
    match manifest.rewind:
        case Rewind.SNAPSHOT:
            return StepModel.open(manifest, precision, threads)
        case Rewind.DECISIONS:
            return CachedModel.open(manifest, precision, threads)
        case Rewind.FRAMES:
            return FramedModel.open(manifest, precision, threads)
        case Rewind.GROWING:
            return GrowingModel.open(manifest, precision, threads)
        case Rewind.BLOCKS:
            return BlockModel.open(manifest, precision, threads)
