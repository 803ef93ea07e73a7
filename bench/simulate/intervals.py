"""Means of runs with their 95 % intervals (Student's t)."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


def interval(values: ArrayLike) -> dict[str, float]:
    """Return the mean of independent values and its 95 % interval."""
    found = np.asarray(values, float)
    half = float(stats.sem(found) * stats.t.ppf(0.975, len(found) - 1))
    mean = float(found.mean())
    return {"mean": round(mean, 4), "low": round(mean - half, 4), "high": round(mean + half, 4)}


def change(values: ArrayLike, base: ArrayLike) -> dict[str, float]:
    """Return the change against a base in shares of its mean, run by run with the same calls, with its interval."""
    before = np.asarray(base, float)
    return interval((np.asarray(values, float) - before) / before.mean())
