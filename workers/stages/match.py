"""Match: the known people nearest to a template, exactly, in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workers.types import Candidate, Floats


def nearest(template: Floats, known: Floats, identities: Sequence[str], limit: int = 5) -> list[Candidate]:
    """At most `limit` people, best first, each once with their best score.

    `known` is (N, 512) and `identities` names the person of each row; one person may own several rows.
    Everything stays float32: a float64 query would copy the whole matrix.
    """
    if len(known) != len(identities):
        raise ValueError(f"{len(known)} templates, but {len(identities)} identities")
    if not len(known):
        return []
    scores = known @ template.astype(np.float32, copy=False)
    best: dict[str, float] = {}
    for row in np.argsort(-scores):
        best.setdefault(identities[row], float(scores[row]))
        if len(best) == limit:
            break
    return [Candidate(identity=identity, score=score) for identity, score in best.items()]
