"""Every name that params.yaml may choose by, and where it lives. A new kind is one new file and one line here.

The classes are imported when asked for, so that a command loads only what its project uses.
"""

from importlib import import_module
from typing import Any

KINDS: dict[str, dict[str, str]] = {
    "inputs": {
        "image": "lepton.inputs.image:Image",
    },
    "tasks": {
        "classification": "lepton.tasks.classification:Classification",
        "multilabel": "lepton.tasks.multilabel:Multilabel",
        "ordinal": "lepton.tasks.ordinal:Ordinal",
        "regression": "lepton.tasks.regression:Regression",
        "detection": "lepton.tasks.detection:Detection",
        "segmentation": "lepton.tasks.segmentation:Segmentation",
    },
    "sharing": {
        "adaptive": "lepton.sharing.adaptive:Adaptive",
        "hard": "lepton.sharing.hard:Hard",
        "soft": "lepton.sharing.soft:Soft",
        "frozen": "lepton.sharing.frozen:Frozen",
        "cross_stitch": "lepton.sharing.cross_stitch:CrossStitch",
        "attention": "lepton.sharing.attention:Attention",
        "experts": "lepton.sharing.experts:Experts",
        "groups": "lepton.sharing.groups:Groups",
    },
    "trunk": {
        "strided": "lepton.sharing.strided:Strided",
        "lenet": "lepton.sharing.lenet:LeNet",
    },
    "weighting": {
        "equal": "lepton.training.weighting.equal:Equal",
        "uncertainty": "lepton.training.weighting.uncertainty:Uncertainty",
        "imtl_g": "lepton.training.weighting.imtl_g:IMTLG",
        "pcgrad": "lepton.training.weighting.pcgrad:PCGrad",
        "log": "lepton.training.weighting.log:Log",
        "dwa": "lepton.training.weighting.dwa:DWA",
        "gradnorm": "lepton.training.weighting.gradnorm:GradNorm",
        "stch": "lepton.training.weighting.stch:STCH",
        "famo": "lepton.training.weighting.famo:FAMO",
        "mgda": "lepton.training.weighting.mgda:MGDA",
        "upgrad": "lepton.training.weighting.upgrad:UPGrad",
        "cagrad": "lepton.training.weighting.cagrad:CAGrad",
        "nash_mtl": "lepton.training.weighting.nash_mtl:NashMTL",
        "fairgrad": "lepton.training.weighting.fairgrad:FairGrad",
        "aligned_mtl": "lepton.training.weighting.aligned_mtl:AlignedMTL",
    },
}


def load(room: str, name: str) -> Any:
    """The class that `name` stands for in `room`; KeyError when there is none."""
    module, _, attribute = KINDS[room][name].partition(":")
    return getattr(import_module(module), attribute)
