import base64
from typing import Any

import numpy as np


def tensor_of(array: Any, model: Any) -> Any:
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return model.from_dict({"shape": list(array.shape), "dtype": array.dtype.name, "base64": base64.b64encode(little).decode()})


def array_of(tensor: Any) -> Any:
    found = tensor.to_dict()
    dtype = np.dtype(found["dtype"]).newbyteorder("<")
    return np.frombuffer(base64.b64decode(found["base64"]), dtype).reshape(found["shape"])
