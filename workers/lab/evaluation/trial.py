"""Some people are enrolled, all are searched: known ones must be found, strangers must not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.lab.evaluation.faces import LabelledPerson
from workers.lab.evaluation.rates import Numbers, Rate, threshold_at
from workers.recognition.types import Floats

RESAMPLES = 400


@dataclass(frozen=True, slots=True)
class Probes:
    """One row per search. `owner` numbers the person searched, `known` is whether they are enrolled.

    `mate` is the similarity to their own template, NaN for strangers; `best` and `second` are the highest
    and second highest similarities; `right` is whether the best is their own.
    """

    owner: NDArray[np.int64]
    known: NDArray[np.bool_]
    mate: Numbers
    best: Numbers
    second: Numbers
    right: NDArray[np.bool_]

    @staticmethod
    def joined(parts: Sequence[Probes]) -> Probes:
        return Probes(
            owner=np.concatenate([part.owner for part in parts]),
            known=np.concatenate([part.known for part in parts]),
            mate=np.concatenate([part.mate for part in parts]),
            best=np.concatenate([part.best for part in parts]),
            second=np.concatenate([part.second for part in parts]),
            right=np.concatenate([part.right for part in parts]),
        )

    def linked(self, link: float, margin: float) -> NDArray[np.bool_]:
        """The searches that the product would link: similar enough, and clearly ahead of the runner-up."""
        return np.asarray((self.best >= link) & (self.best - self.second >= margin))


def search(
    people: Sequence[LabelledPerson], enrolled: set[int], chance: np.random.Generator
) -> tuple[Probes, Floats]:
    """Enrols each of `enrolled` (indices in `people`) with half of their pictures and searches all others.

    Also returns the similarities of all strangers' pictures to all templates.
    """
    halves = {number: _half(people[number], chance) for number in sorted(enrolled)}
    order = list(halves)
    templates = np.stack([people[number].template(halves[number]) for number in order])
    rows: list[tuple[int, bool, float, float, float, bool]] = []
    strange: list[Floats] = []
    for number, person in enumerate(people):
        used = set(halves.get(number, ()))
        seen = [i for i in range(len(person.embeddings)) if i not in used]
        if not seen:
            continue
        scores = person.embeddings[seen] @ templates.T
        if number not in halves:
            strange.append(scores.ravel())
        own = order.index(number) if number in halves else -1
        rows += [_row(number, row, own) for row in scores]
    columns = list(zip(*rows, strict=True))
    mate, best, second = (np.array(columns[i], dtype=np.float64) for i in (2, 3, 4))
    probes = Probes(
        owner=np.array(columns[0], dtype=np.int64),
        known=np.array(columns[1], dtype=np.bool_),
        mate=mate,
        best=best,
        second=second,
        right=np.array(columns[5], dtype=np.bool_),
    )
    return probes, np.concatenate(strange) if strange else np.empty(0, dtype=np.float32)


def missed_at(probes: Probes, false_alarms: float, chance: np.random.Generator) -> tuple[float, Rate] | None:
    """FNIR at a given FPIR: the threshold and the part of known people's searches that miss them.

    The interval is a bootstrap over people, strangers and known ones alike: pictures of one person resemble
    each other, so that resampling pictures would give too narrow an interval. None with too few strangers.
    """
    threshold = threshold_at(probes.best[~probes.known], false_alarms)
    if threshold is None or not probes.known.any():
        return None
    found = _groups(probes, probes.known, np.where(probes.right, probes.mate, -1.0))
    strange = _groups(probes, ~probes.known, probes.best)
    rates = []
    for _ in range(RESAMPLES):
        again = threshold_at(_resampled(strange, chance), false_alarms)
        if again is not None:
            rates.append(float((_resampled(found, chance) < again).mean()))
    value = float((np.concatenate(found) < threshold).mean())
    low, high = np.percentile(rates, [2.5, 97.5]) if rates else (value, value)
    return threshold, Rate(value, float(low), float(high))


def share_with_interval(
    probes: Probes, of: NDArray[np.bool_], true: NDArray[np.bool_], chance: np.random.Generator
) -> Rate:
    """The part of the rows `of` that are `true`, with a bootstrap over people."""
    groups = [true[of & (probes.owner == owner)].astype(np.float64) for owner in np.unique(probes.owner[of])]
    if not groups:
        return Rate(0.0, 0.0, 0.0)
    rates = [float(_resampled(groups, chance).mean()) for _ in range(RESAMPLES)]
    low, high = np.percentile(rates, [2.5, 97.5])
    return Rate(float(np.concatenate(groups).mean()), float(low), float(high))


def _half(person: LabelledPerson, chance: np.random.Generator) -> list[int]:
    count = len(person.embeddings)
    return sorted(chance.permutation(count)[: max(1, count // 2)].tolist())


def _row(number: int, scores: Floats, own: int) -> tuple[int, bool, float, float, float, bool]:
    ranked = np.argsort(-scores)
    best = int(ranked[0])
    second = float(scores[ranked[1]]) if len(scores) > 1 else -1.0
    mate = float(scores[own]) if own >= 0 else float("nan")
    return number, own >= 0, mate, float(scores[best]), second, best == own


def _groups(probes: Probes, of: NDArray[np.bool_], scores: Numbers) -> list[Numbers]:
    """The scores of the rows `of`, person by person."""
    return [scores[of & (probes.owner == owner)] for owner in np.unique(probes.owner[of])]


def _resampled(groups: list[Numbers], chance: np.random.Generator) -> Numbers:
    picked = chance.integers(0, len(groups), len(groups))
    return np.concatenate([groups[i] for i in picked])
