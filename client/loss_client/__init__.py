"""Client of the loss service: losses with gradients for NumPy, torch and jax arrays, computed over HTTP.

    client = loss_client.Client("http://127.0.0.1:8000")
    answer = client.cross_entropy(predictions, labels, label_smoothing=0.1)
    answer.value, answer.gradients["predictions"]

`loss_client.torch.Loss` is a module, `loss_client.jax.loss` a function that jax differentiates. All exceptions are subclasses of
`LossServiceError`; loss_client.errors shows their tree.
"""

from loss_client.answer import Answer, merge
from loss_client.client import AsyncClient, Client
from loss_client.errors import *  # noqa: F403
from loss_client.errors import __all__ as _errors

__all__ = ["Answer", "AsyncClient", "Client", "merge"]
__all__ += _errors
