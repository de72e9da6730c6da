from __future__ import annotations

from mpmath import mp


def lists_of_ranking(mask, *arrays):
    """The items of each list: a tuple of its rows, padding left out."""
    for i in range(len(arrays[0])):
        kept = [j for j in range(arrays[0].shape[1]) if mask is None or mask[i, j]]
        yield tuple([array[i, j] for j in kept] for array in arrays)


def places_of_ranking(values):
    order = sorted(range(len(values)), key=lambda i: -values[i])
    return {item: place for place, item in enumerate(order, 1)}


def weights_of_ranking(labels, weight):
    return labels * 0 + mp.mpf(1) if weight is None else weight
