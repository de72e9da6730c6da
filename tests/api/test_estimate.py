"""Estimates of requests: what a response holds, where it is computed, and what is rejected before it is."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from service.api.estimate import estimate
from service.api.operations import find_operation
from service.api.request import bind
from service.errors import Failure
from service.losses import LOSSES, InvalidOption, Loss, compute
from service.losses.declaration import Work
from service.settings import Settings
from tests.edge.wire import Wire, planted, post, serving
from tests.losses import draw


def outputs(loss: Loss) -> list[str]:
    return ["value", "per_sample", "gradients", *(["hessian_diagonal"] if loss.hessian_diagonal else [])]


def counted(node: Any) -> int:
    if isinstance(node, dict):
        return sum(map(counted, node.values()))
    return node.size if isinstance(node, np.ndarray) else 0


@pytest.mark.parametrize("name", draw.every_loss)
def test_a_response_has_no_more_numbers_than_its_estimate(name: str) -> None:
    loss = LOSSES[name]
    arrays, options = draw.call(loss, np.random.default_rng(5))
    for asked in (outputs(loss), ["per_element"]):
        call = bind(loss, {**arrays, **options, "outputs": asked})
        try:
            answer = compute(loss, call.tensors, call.options, call.controls)
        except InvalidOption:  # of a loss that has no elements
            assert asked == ["per_element"]
            continue
        held = [answer.per_sample, answer.gradients or {}, answer.hessian_diagonal or {}, answer.per_element]
        assert sum(map(counted, held)) <= estimate(call).numbers, asked


def test_a_small_body_of_much_work_is_computed_in_the_pool() -> None:
    where: list[str] = []
    with planted(lambda _: where.append(threading.current_thread().name)), serving() as running, Wire(running) as wire:
        light = LOSSES["planted"]
        for work in (Work(), Work("1e7 n")):
            LOSSES["planted"] = replace(light, work=work)
            assert wire.ask(post(b'{"predictions": [1.0]}', "/loss/planted")).status == 200
    assert [name.startswith("compute") for name in where] == [False, True]


def test_a_combination_is_admitted_by_the_work_of_all_its_terms() -> None:
    term: dict[str, Any] = {"loss": "supcon", "inputs": {"embeddings": np.ones((50, 2)), "labels": np.zeros(50)}}
    alone = find_operation("supcon").prepare(dict(term["inputs"]), Settings()).estimate
    both = find_operation("combination").prepare({"terms": [term, term]}, Settings()).estimate
    assert both.operations == 2 * alone.operations
    assert both.numbers == 2 * alone.numbers
    assert both.inputs == 2 * alone.inputs
    assert alone.memory + alone.inputs <= both.memory < 2 * alone.memory, "one after the other, with the inputs of both"
    with pytest.raises(Failure, match="operations"):
        find_operation("combination").prepare({"terms": [term, term]}, Settings(max_work=1.5 * alone.operations))
