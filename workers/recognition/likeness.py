"""Whether a new face resembles people who are already enrolled, so that they could not be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workers.recognition.stages.embed import template_of, templates_of
from workers.recognition.stages.match import nearest
from workers.recognition.types import Candidate, Floats

MAX_RESEMBLED = 10
"""Resembled people that are reported, the most similar ones."""


@dataclass(frozen=True, slots=True)
class KnownFaces:
    """Enrolled pictures, row by row: `people`, embeddings (N, 512) and qualities (N,)."""

    people: Sequence[str]
    embeddings: Floats
    qualities: Floats


def resembled(
    face: Floats, quality: float, person: str, known: KnownFaces, threshold: float
) -> list[Candidate]:
    """The other people whom a new face of `person` resembles from `threshold` on, best first.

    The face, and the person's template with it, are compared with each picture and each template of others.
    """
    own = np.array([one == person for one in known.people], dtype=bool)
    people = [one for one in known.people if one != person]
    names, templates = templates_of(people, known.embeddings[~own], known.qualities[~own])
    rows, identities = np.vstack([known.embeddings[~own], templates]), [*people, *names]
    with_own = template_of(
        np.vstack([known.embeddings[own], face[None]]),
        np.append(known.qualities[own], np.float32(quality)),
    )
    best: dict[str, float] = {}
    for query in (face, with_own):
        for found in nearest(query, rows, identities, limit=MAX_RESEMBLED):
            best[found.identity] = max(found.score, best.get(found.identity, -1.0))
    ranked = sorted(best.items(), key=lambda item: -item[1])[:MAX_RESEMBLED]
    return [Candidate(identity, score) for identity, score in ranked if score >= threshold]
