"""The synthetic city of tests/data: its fixes by object, in order of time."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

CITY = Path(__file__).parent.parent / "data" / "synthetic_city"


@dataclass(frozen=True)
class CityFixes:
    times_s: NDArray[np.float64]
    lon_deg: NDArray[np.float64]
    lat_deg: NDArray[np.float64]
    spike: NDArray[np.bool_]


@cache
def city() -> dict[str, CityFixes]:
    fixes = pd.read_parquet(CITY / "fixes.parquet").sort_values(["object_id", "ts"], kind="stable")
    return {
        str(name): CityFixes(
            seconds(of["ts"]), of["lon"].to_numpy(), of["lat"].to_numpy(), (of["label"] == "spike").to_numpy()
        )
        for name, of in fixes.groupby("object_id")
    }


def seconds(times: pd.Series) -> NDArray[np.float64]:
    return pd.to_datetime(times).map(pd.Timestamp.timestamp).to_numpy(dtype=float)
