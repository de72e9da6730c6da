"""The one search over the losses: ranked, cached, and bounded in work.

It serves `GET /loss?q=`, `did_you_mean`, `loss-service losses --find`, the explorer and the filter of /docs. A query is compared with
names first, then with synonyms and related words, then with texts; a near miss is found by the trigrams that it shares with a name.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain

from service.losses import FAMILIES, LOSSES, Loss
from service.losses.naming import plain

LONGEST_QUERY = 80  # characters; the rest is ignored, which bounds the work
MOST_WORDS = 8
NEAR = 0.4  # least share of common trigrams (Dice's coefficient) of a near miss: "hubr" and "huber" have 0.44
NEARER = 0.6  # the same of a near miss that counts for more than a word in a text: "smooth_l2" and "smooth_l1" have 0.63
MOST_NEAR = 5

WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+")  # SmoothL1Loss is Smooth, L1, Loss

NAME, SYNONYM, RELATED, PREFIX, NAME_WORDS, WORDS, NEAR_MISS, SUMMARY, TEXT = range(9)  # the ranks, best first


@dataclass(frozen=True)
class Entry:
    """The texts of a loss in which a query is looked for. related: words of a related quantity, or of a variant."""

    name: str
    synonyms: tuple[str, ...]
    related: tuple[str, ...]
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
    combination = Entry(card["name"], tuple(card["synonyms"]), (), card["summary"], card["notes"])
    return Index([*map(_entry, LOSSES.values()), combination])


def _entry(loss: Loss) -> Entry:
    variants = [choice for option in loss.options for choice in option.choices if option.name in ("loss_type", "estimator")]
    described = [f"{item.name} {item.description}" for item in loss.inputs] + [f"{option.name} {option.description}" for option in loss.options]
    choices = [choice for option in loss.options for choice in option.choices]
    qualified = (*(equivalent.name for equivalent in loss.equivalents), *loss.unlike)
    bare = (name.rpartition(".")[2] for name in qualified)
    text = " ".join((loss.notes, FAMILIES.get(loss.family, loss.family), loss.reference, *described, *choices, *qualified))
    return Entry(loss.name, loss.synonyms, (*loss.related, *loss.ambiguous, *bare, *variants), loss.summary, text, qualified)


class Index:
    """Entries by their keys, by the starts of their words, and by the trigrams of their keys."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)
        self.keys: dict[str, dict[int, int]] = defaultdict(dict)  # key -> entry -> best rank
        for at, entry in enumerate(self.entries):
            for rank, names in ((NAME, (entry.name,)), (SYNONYM, (*entry.synonyms, *entry.qualified)), (RELATED, entry.related)):
                for form in chain.from_iterable(map(_keys, names)):
                    self.keys[form].setdefault(at, rank)
        self.sorted_keys = sorted(self.keys)
        self.layers = [WordIndex(map(texts, self.entries)) for texts in (_name, _names, _short, _all)]
        self.trigrams: dict[str, list[str]] = defaultdict(list)
        qualified = set(chain.from_iterable(map(_keys, chain.from_iterable(entry.qualified for entry in self.entries))))
        for form in (form for form in self.sorted_keys if form not in qualified):
            for part in _trigrams(form):
                self.trigrams[part].append(form)

    def search(self, query: str) -> tuple[str, ...]:
        """Names, best first: each with its best rank, then the shorter key, then the order of registration."""
        found: dict[int, tuple[int, int]] = {}
        for at, rank, extra in chain(self._by_key(query), self._by_words(query)):
            found[at] = min(found.get(at, (rank, extra)), (rank, extra))
        if not found or min(found.values())[0] > NEAR_MISS:
            found |= {at: (NEAR_MISS, place) for place, at in enumerate(self._near(query, NEARER if found else NEAR))}
        return tuple(self.entries[at].name for at in sorted(found, key=lambda at: (found[at], at)))

    def _by_key(self, query: str) -> Iterator[tuple[int, int, int]]:
        for form in _keys(query):
            for at, rank in self.keys.get(form, {}).items():
                yield at, rank, len(self.entries[at].name)
            start = bisect_left(self.sorted_keys, form)
            for longer in self.sorted_keys[start : bisect_left(self.sorted_keys, form + "\x7f")]:
                for at, rank in self.keys[longer].items():
                    yield at, PREFIX, 1000 * rank + len(longer) - len(form)

    def _by_words(self, query: str) -> Iterator[tuple[int, int, int]]:
        wanted = [word for word in _words(query) if word != "loss"][:MOST_WORDS]
        if not wanted:
            return
        for rank, layer in zip((TEXT, SUMMARY, WORDS, NAME_WORDS), reversed(self.layers), strict=True):
            fitting = list(layer.with_all(wanted))
            if not fitting:
                return  # the layers before have fewer words
            for at in fitting:
                yield at, rank, len(self.entries[at].name)

    def _near(self, query: str, least: float) -> list[int]:
        form = min(_keys(query), key=len, default="")
        parts = _trigrams(form)
        shared = Counter(chain.from_iterable(self.trigrams.get(part, ()) for part in parts))
        fewest = least * len(parts) / (2 - least)  # a key has no fewer trigrams than it shares
        likely = [(key, count) for key, count in shared.items() if count >= fewest]
        near = [(2 * count / (len(parts) + len(_trigrams(key))), key) for key, count in likely]
        ranked = sorted(near, key=lambda pair: (-pair[0], pair[1]))[: 4 * MOST_NEAR]
        return list(dict.fromkeys(at for score, key in ranked if score >= least for at in self.keys[key]))[:MOST_NEAR]


# The words of an entry, each layer with those of the layer before it.
def _name(entry: Entry) -> set[str]:
    return {*_words(entry.name), *_keys(entry.name)}


def _names(entry: Entry) -> set[str]:
    names = (*entry.synonyms, *entry.related)
    return {*_name(entry), *chain.from_iterable(map(_words, names)), *chain.from_iterable(map(_keys, names))}


def _short(entry: Entry) -> set[str]:
    return {*_names(entry), *_words(entry.summary)}


def _all(entry: Entry) -> set[str]:
    return {*_short(entry), *_words(entry.text)}


class WordIndex:
    """Which entries have a word that starts so: sets of entries as the bits of integers, by word in alphabetical order."""

    def __init__(self, texts: Iterable[set[str]]) -> None:
        members: dict[str, int] = defaultdict(int)
        for at, words in enumerate(texts):
            for word in words:
                members[word] |= 1 << at
        self.words = sorted(members)
        self.members = [members[word] for word in self.words]

    def with_all(self, starts: Iterable[str]) -> Iterator[int]:
        """The entries that have for each start a word that begins with it."""
        common = -1
        for start in starts:
            some = 0
            for at in range(bisect_left(self.words, start), bisect_left(self.words, start + "\x7f")):
                some |= self.members[at]
            common &= some
        while common > 0:
            lowest = common & -common
            yield lowest.bit_length() - 1
            common ^= lowest


def _keys(name: str) -> list[str]:
    """The plain name, and the same without the word "loss"."""
    whole = plain(name)
    return [form for form in dict.fromkeys((whole, whole.replace("loss", ""))) if form]


def _words(text: str) -> list[str]:
    return [word.lower() for word in WORD.findall(text)]


@lru_cache(maxsize=4096)
def _trigrams(form: str) -> frozenset[str]:
    padded = f" {form} "
    return frozenset(padded[at : at + 3] for at in range(len(padded) - 2))
