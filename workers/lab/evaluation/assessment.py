"""All figures for a folder of people, and the thresholds that follow from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from workers.lab.evaluation.faces import Labelled, LabelledPerson
from workers.lab.evaluation.rates import (
    Rate,
    false_alarm_rate,
    false_match_rate,
    share_at,
    threshold_at,
    threshold_for,
)
from workers.lab.evaluation.trial import Probes, missed_at, search, share_with_interval
from workers.recognition.config import Thresholds
from workers.recognition.types import Floats

MATCH_RATES = (1e-2, 1e-3, 1e-4)
ALARM_RATES = (0.003, 0.01)
SIZES = (5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
ROUNDS = 10  # other halves each time
ALARM_LIMIT = 0.003
"""Share of strangers that may be taken for a known person: one in 333. Above it, only by force."""
ALARM_AIM = 0.0003
"""The recommendation is ten times safer, because the sample is small and customers' people differ."""
REVIEW_LIMIT = 0.03
"""Share of strangers that may be shown to a reviewer."""


@dataclass(frozen=True, slots=True)
class Verification:
    """True acceptance at a false match rate; None if there are too few pictures for that rate."""

    false_match_rate: float
    threshold: float | None
    true_acceptance: float | None


@dataclass(frozen=True, slots=True)
class Identification:
    """Misses at a false alarm rate with a gallery of `gallery` people; None if there are too few."""

    gallery: int
    false_alarms: float
    threshold: float | None
    missed: Rate | None


@dataclass(frozen=True, slots=True)
class Assessment:
    """`recommended` is for `gallery` people. `identified`, `confused` (known people taken for others) and
    `strangers_linked` were measured on people who had no part in the thresholds used."""

    pack: str
    people: int
    pictures: int
    failure_to_acquire: float
    refused: list[tuple[str, str]]
    unreadable: list[tuple[str, str]]
    verification: list[Verification]
    identification: list[Identification]
    gallery: int
    recommended: Thresholds
    predicted_false_alarms: float
    identified: Rate
    confused: Rate
    strangers_linked: Rate
    stranger_searches: int
    identified_at_recommended: float
    strangers_at_recommended: int
    genuine: Floats
    impostor: Floats
    strange: Floats = field(default_factory=lambda: np.empty(0, dtype=np.float32))

    def predicted(self, link: float, gallery: int) -> float:
        """The rate of strangers taken for one of `gallery` people at `link`."""
        return false_alarm_rate(false_match_rate(self.strange, link), gallery)


def assess_people(
    found: Labelled, known: Thresholds, gallery: int | None, advance: Callable[[int, int], None]
) -> Assessment:
    """Measures. Keeps the margin of the thresholds `known`; recommends for a gallery of `gallery` people."""
    chance = np.random.default_rng(2024)
    genuine, impostor = _pairs(found.people)
    size = gallery or len(found.people)
    tested, links = _tested_on_others(found, size, chance, advance)
    _, strange = _rounds(found.people, len(found.mates) // 2, chance)
    link = threshold_for(strange, size, ALARM_AIM)
    review = min(link, threshold_for(strange, size, REVIEW_LIMIT))
    linked = np.concatenate([part.linked(at, known.margin) for part, at in zip(tested, links, strict=True)])
    probes = Probes.joined(tested)
    at_link = probes.linked(link, known.margin)
    return Assessment(
        pack=found.pack,
        people=len(found.people),
        pictures=found.pictures,
        failure_to_acquire=found.failure_to_acquire,
        refused=found.refused,
        unreadable=found.unreadable,
        verification=[_verification(genuine, impostor, rate) for rate in MATCH_RATES],
        identification=_identification(found, chance),
        gallery=size,
        recommended=Thresholds(match=round(link, 3), review=round(review, 3), margin=known.margin),
        predicted_false_alarms=false_alarm_rate(false_match_rate(strange, link), size),
        identified=share_with_interval(probes, probes.known, linked & probes.right, chance),
        confused=share_with_interval(probes, probes.known, linked & ~probes.right, chance),
        strangers_linked=share_with_interval(probes, ~probes.known, linked, chance),
        stranger_searches=int((~probes.known).sum()),
        identified_at_recommended=float((at_link & probes.right)[probes.known].mean()),
        strangers_at_recommended=int(at_link[~probes.known].sum()),
        genuine=genuine,
        impostor=impostor,
        strange=strange,
    )


def _tested_on_others(
    found: Labelled, size: int, chance: np.random.Generator, advance: Callable[[int, int], None]
) -> tuple[list[Probes], list[float]]:
    """For each round and half of the people: searches of that half, with the link from the other half."""
    probes, links = [], []
    for number in range(ROUNDS):
        shuffled = [found.people[i] for i in chance.permutation(len(found.people))]
        mates = [person for person in shuffled if len(person.embeddings) >= 2]
        rest = [person for person in shuffled if len(person.embeddings) < 2]
        halves = [mates[0::2] + rest[0::2], mates[1::2] + rest[1::2]]
        for tested, others in (halves, halves[::-1]):
            _, strange = _searched(others, chance)
            searched, _ = _searched(tested, chance)
            probes.append(searched)
            links.append(threshold_for(strange, size, ALARM_AIM))
        advance(number + 1, ROUNDS)
    return probes, links


def _searched(people: list[LabelledPerson], chance: np.random.Generator) -> tuple[Probes, Floats]:
    """Half of those who can be enrolled are; both halves in turn, so that every person is a stranger once."""
    able = [i for i, person in enumerate(people) if len(person.embeddings) >= 2]
    parts = [search(people, set(able[turn::2]), chance) for turn in (0, 1)]
    return Probes.joined([part for part, _ in parts]), np.concatenate([strange for _, strange in parts])


def _rounds(people: list[LabelledPerson], size: int, chance: np.random.Generator) -> tuple[Probes, Floats]:
    """Searches with other galleries of `size` people each time."""
    able = [i for i, person in enumerate(people) if len(person.embeddings) >= 2]
    parts = [
        search(people, {able[i] for i in chance.permutation(len(able))[:size]}, chance) for _ in range(ROUNDS)
    ]
    return Probes.joined([part for part, _ in parts]), np.concatenate([strange for _, strange in parts])


def _identification(found: Labelled, chance: np.random.Generator) -> list[Identification]:
    largest = len(found.mates) - max(2, len(found.mates) // 4)  # some people have to be strangers
    sizes = [size for size in SIZES if size < largest] + [largest]
    figures = []
    for size in sizes:
        probes, _ = _rounds(found.people, size, chance)
        for rate in ALARM_RATES:
            measured = missed_at(probes, rate, chance)
            threshold, missed = measured or (None, None)
            figures.append(Identification(size, rate, threshold, missed))
    return figures


def _verification(genuine: Floats, impostor: Floats, rate: float) -> Verification:
    threshold = threshold_at(impostor, rate)
    accepted = None if threshold is None else share_at(genuine, threshold)
    return Verification(rate, threshold, accepted)


def _pairs(people: list[LabelledPerson]) -> tuple[Floats, Floats]:
    """Similarities of all pairs of pictures: of one person, and of two people."""
    embeddings = np.concatenate([person.embeddings for person in people])
    owner = np.repeat(np.arange(len(people)), [len(person.embeddings) for person in people])
    genuine, impostor = [], []
    for row in range(len(embeddings) - 1):  # the whole table of ten thousand pictures would take gigabytes
        scores, same = embeddings[row + 1 :] @ embeddings[row], owner[row + 1 :] == owner[row]
        genuine.append(scores[same])
        impostor.append(scores[~same])
    return np.concatenate(genuine), np.concatenate(impostor)
