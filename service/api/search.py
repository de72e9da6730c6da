"""The one search over the losses: ranked, cached, and bounded in work.

It serves `GET /loss?q=`, `did_you_mean`, `loss-service losses --find`, the explorer and the filter of /docs. A query is compared with
names first, then with synonyms and related words. A near miss is found by the trigrams that it shares with a name. Last come the losses
whose texts have most of the query's words, by the sum of the words' weights.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain

import numpy as np

from service.losses import FAMILIES, LOSSES, Loss
from service.losses.naming import plain
from service.losses.numerics import Array

LONGEST_QUERY = 80  # characters; the rest is ignored, which bounds the work
MOST_WORDS = 8
NEAR = 0.4  # least share of common trigrams (Dice's coefficient) of a near miss: "hubr" and "huber" have 0.44
NEARER = 0.6  # the same of a near miss that counts for more than a word in a text: "smooth_l2" and "smooth_l1" have 0.63
MOST_NEAR = 5
COVERED = 0.6  # least share of the query's words that a text has, rare words counting more
UNKNOWN = 1.0  # weight of a word that no text has; one that 100 losses have counts 1.3, and one of 2 losses 4.9
ENOUGH = 0.25  # least score of a text, of the best: beside a name, a summary (3 / 8) is enough and other texts (1 / 8) are not

WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+")  # SmoothL1Loss is Smooth, L1, Loss
RUN = re.compile(r"[A-Za-z0-9]+")
IGNORED = frozenset(["a", "an", "and", "by", "for", "from", "how", "in", "is", "loss", "of", "on", "or", "the", "to", "which", "with"])
PLURAL = re.compile(r"(?<=....)ies$|(?<=..[sxzh])es$|(?<=..[^sui])s$")  # the rest begins the singular and the plural

NAME, SYNONYM, RELATED, PREFIX, NAME_WORDS, WORDS, NEAR_MISS, TEXT = range(8)  # the ranks, best first
WEIGHTS = (8, 6, 5, 3, 1)  # of a word in a name; synonyms; uses and family; summary and options; all other texts


@dataclass(frozen=True)
class Entry:
    """The texts of a loss in which a query is looked for. related: words of a related quantity, or of a variant."""

    name: str
    synonyms: tuple[str, ...]
    related: tuple[str, ...]
    use: str
    summary: str
    text: str
    qualified: tuple[str, ...] = ()  # names of libraries, which are found as they start


def search(query: str) -> tuple[str, ...]:
    """Names of the losses that fit a query, best first; without a word in the query, none."""
    return _search(query[:LONGEST_QUERY].strip())


@lru_cache(maxsize=1024)
def _search(query: str) -> tuple[str, ...]:
    return index().search(query)


@cache
def index() -> Index:
    """The index over every loss and the combination, built at the first search."""
    from service.api.catalogue import combination_card  # that module finds losses by name, and so imports this one

    card = combination_card()
    combination = Entry(card["name"], tuple(card["synonyms"]), (), card["use"], card["summary"], card["notes"])
    return Index([*map(_entry, LOSSES.values()), combination])


def _entry(loss: Loss) -> Entry:
    variants = [choice for option in loss.options for choice in option.choices if option.name in ("loss_type", "estimator")]
    described = [item.description for item in loss.inputs] + [option.description for option in loss.options]
    choices = [choice for option in loss.options for choice in option.choices]
    qualified = (*(equivalent.name for equivalent in loss.equivalents), *loss.unlike)
    bare = (name.rpartition(".")[2] for name in qualified)
    use = f"{loss.use} {FAMILIES.get(loss.family, loss.family)}"
    summary = " ".join((loss.summary, *(option.name for option in loss.options)))
    text = " ".join((loss.notes, loss.reference, *(item.name for item in loss.inputs), *described, *choices, *qualified))
    return Entry(loss.name, loss.synonyms, (*loss.related, *loss.ambiguous, *bare, *variants), use, summary, text, qualified)


class Index:
    """Entries by their keys, by the starts of their words, and by the trigrams of their keys."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)
        self.keys: dict[str, dict[int, int]] = defaultdict(dict)  # key -> entry -> best rank
        for at, entry in enumerate(self.entries):
            for rank, names in ((NAME, (entry.name,)), (SYNONYM, (*entry.synonyms, *entry.qualified)), (RELATED, entry.related)):
                for name in names:
                    for form in _keys(name):  # softmax_loss is a name, and softmax a word of it
                        self.keys[form].setdefault(at, rank if rank == NAME or form == plain(name) else RELATED)
        self.sorted_keys = sorted(self.keys)
        self.words, self.weights = _weights(self.entries)
        self.known = 1.0 + 0.1 * np.log1p([len(entry.qualified) for entry in self.entries])  # by the number of libraries that have the loss
        self.trigrams: dict[str, list[str]] = defaultdict(list)
        qualified = set(chain.from_iterable(map(_keys, chain.from_iterable(entry.qualified for entry in self.entries))))
        for form in (form for form in self.sorted_keys if form not in qualified):
            for part in _trigrams(form):
                self.trigrams[part].append(form)

    def search(self, query: str) -> tuple[str, ...]:
        """Names, best first: each with its best rank, then the shorter key, then the order of registration."""
        found: dict[int, tuple[float, float]] = {}
        for at, rank, extra in chain(self._by_key(query), self._by_words(query)):
            found[at] = min(found.get(at, (rank, extra)), (rank, extra))
        if not found or min(found.values())[0] > NEAR_MISS:
            found |= {at: (NEAR_MISS, place) for place, at in enumerate(self._near(query, NEARER if found else NEAR))}
        return tuple(self.entries[at].name for at in sorted(found, key=lambda at: (found[at], at)))

    def _by_key(self, query: str) -> Iterator[tuple[int, int, float]]:
        for form in _keys(query):
            for at, rank in self.keys.get(form, {}).items():
                yield at, rank, len(self.entries[at].name) - 100 * self.known[at] if rank == RELATED else len(self.entries[at].name)
            start = bisect_left(self.sorted_keys, form)
            for longer in self.sorted_keys[start : bisect_left(self.sorted_keys, form + "\x7f")]:
                for at, rank in self.keys[longer].items():
                    yield at, PREFIX, 1000 * rank + len(longer) - len(form)

    def _by_words(self, query: str) -> Iterator[tuple[int, int, float]]:
        """Yield the losses whose names have all words, then those whose texts have most of their weight."""
        wanted = self._wanted(query)
        if not wanted:
            return
        found = np.array([self._starting(word) for word in wanted])
        if not found.any():
            return
        for at in np.flatnonzero(found.min(axis=0) >= WEIGHTS[1]).tolist():
            yield at, NAME_WORDS if found[:, at].min() == WEIGHTS[0] else WORDS, len(self.entries[at].name)
        counts = np.count_nonzero(found, axis=1)
        rarity = np.where(counts, np.log1p(len(self.entries) / np.maximum(counts, 1)), UNKNOWN)
        covered = rarity @ (found > 0) / rarity.sum()
        scores = (rarity @ found) * covered * self.known * (covered >= COVERED)
        for at in np.flatnonzero(scores > ENOUGH * scores.max()).tolist():
            yield at, TEXT, -float(scores[at])

    def _starting(self, start: str) -> Array:
        """Return for each entry the weight of the best word that begins so, 0 for none."""
        rows = slice(bisect_left(self.words, start), bisect_left(self.words, start + "\x7f"))
        weights: Array = self.weights[rows].max(axis=0, initial=0)
        return weights

    def _wanted(self, query: str) -> list[str]:
        """Return the query's words without endings: whole where a text has them so (nDCG), else in parts (SmoothL1)."""
        runs = [[run] if self._starting(run.lower()).any() else WORD.findall(run) for run in RUN.findall(query)]
        words = [PLURAL.sub("", word.lower()) for run in runs for word in run]
        return [word for word in words if word not in IGNORED][:MOST_WORDS]

    def _near(self, query: str, least: float) -> list[int]:
        form = min(_keys(query), key=len, default="")
        parts = _trigrams(form)
        shared = Counter(chain.from_iterable(self.trigrams.get(part, ()) for part in parts))
        fewest = least * len(parts) / (2 - least)  # a key has no fewer trigrams than it shares
        likely = [(key, count) for key, count in shared.items() if count >= fewest]
        near = [(2 * count / (len(parts) + len(_trigrams(key))), key) for key, count in likely]
        ranked = sorted(near, key=lambda pair: (-pair[0], pair[1]))[: 4 * MOST_NEAR]
        return list(dict.fromkeys(at for score, key in ranked if score >= least for at in self.keys[key]))[:MOST_NEAR]


def _weights(entries: list[Entry]) -> tuple[list[str], Array]:
    """Return all words in alphabetical order, and the weight of each word in each entry, 0 where it is not."""
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for at, entry in enumerate(entries):
        names, synonyms = (entry.name,), (*entry.synonyms, *entry.related)
        layers = (
            (*names, *_keys(entry.name)),
            (*synonyms, *chain.from_iterable(map(_keys, synonyms))),
            (entry.use,),
            (entry.summary,),
            (entry.text,),
        )
        for weight, texts in zip(WEIGHTS, layers, strict=True):
            for word in chain.from_iterable(map(_words, texts)):
                found[word].setdefault(at, weight)
    words = sorted(found)
    weights = np.zeros((len(words), len(entries)), np.uint8)
    for row, word in enumerate(words):
        weights[row, list(found[word])] = list(found[word].values())
    return words, weights


def _keys(name: str) -> list[str]:
    """The plain name, and the same without the word "loss"."""
    whole = plain(name)
    return [form for form in dict.fromkeys((whole, whole.replace("losses", "").replace("loss", ""))) if form]


def _words(text: str) -> list[str]:
    """Words, whole and in parts: nDCG is ndcg, n and dcg."""
    return [word.lower() for word in (*WORD.findall(text), *RUN.findall(text))]


@lru_cache(maxsize=4096)
def _trigrams(form: str) -> frozenset[str]:
    padded = f" {form} "
    return frozenset(padded[at : at + 3] for at in range(len(padded) - 2))
