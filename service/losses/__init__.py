"""The losses: a NumPy library without HTTP, JSON or pydantic.

Importing the package imports every module below it, so a new file registers its losses without an entry in any list.
"""

import importlib
import pkgutil

from service.losses.errors import InvalidOption, InvalidTensor, LossError, NonFinite
from service.losses.evaluation import Evaluation
from service.losses.naming import check_names
from service.losses.reduction import Controls, Result, compute
from service.losses.registry import FAMILIES, LOSSES, Loss, loss

__all__ = [
    "FAMILIES",
    "LOSSES",
    "Controls",
    "Evaluation",
    "InvalidOption",
    "InvalidTensor",
    "Loss",
    "LossError",
    "NonFinite",
    "Result",
    "compute",
    "loss",
]

for _module in pkgutil.walk_packages(__path__, f"{__name__}."):
    importlib.import_module(_module.name)

check_names(LOSSES)
