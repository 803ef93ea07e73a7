"""Rows a second and memory of an import: a CSV of 40 MB, or of as many as asked for, from the file to the table.

    TIANSHU_DATABASE_URL=… python -m bench.files [MB]     a private cluster of its own without the address

The limit is the least any import has to do: Python's own csv module over the same file, its values as numbers, and
nothing stored. The parent process keeps the database, so that the peak memory is that of the import alone.
"""

import asyncio
import csv
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services import access
from services.audit import Ledger
from services.db import migrate
from services.db.cluster import Cluster
from services.db.engine import make_engine
from services.imports import import_tracks
from services.ingest import files
from services.settings import Settings

START = datetime(2026, 3, 1, tzinfo=UTC)
DEVICES, MB = 500, 1_000_000


def write(path: Path, size_mb: int) -> int:
    """Write a CSV of so many megabytes and return how many rows it has."""
    rng, rows = random.Random(7), 0
    with path.open("w", encoding="utf-8") as file:
        size = file.write("device_id,ts,lon,lat,speed_mps,heading_deg,altitude_m\n")
        while size < size_mb * MB:
            at = (START + timedelta(seconds=rows // DEVICES * 10)).isoformat()
            place = f"{113 + rng.random():.6f},{27 + rng.random():.6f}"
            size += file.write(
                f"car-{rows % DEVICES:03},{at},{place},{rng.uniform(0, 30):.2f},{rng.randrange(360)},61.5\n"
            )
            rows += 1
    return rows


def limit(path: Path) -> float:
    """Return the seconds that reading the file takes, its numbers as numbers."""
    began = time.perf_counter()
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        next(reader)
        for row in reader:
            float(row[2]), float(row[3]), float(row[4]), float(row[5]), float(row[6])
    return time.perf_counter() - began


async def load(url: str, path: Path) -> dict[str, float]:
    """Import the file and return the figures, as the process that does it sees them."""
    idle_mb = _peak_mb()
    engine, seen = make_engine(url, pool_size=2), list[int]()
    began = time.perf_counter()
    told = await import_tracks(
        access.system_mandate(Ledger(engine)), engine, Settings(), path, files.Options("wgs84"),
        now=datetime.now(UTC), rejects=path.with_suffix(".rejects.csv"), create_devices=True,
        progress=lambda told: seen.append(told.stored),
    )  # fmt: skip
    seconds = time.perf_counter() - began
    await engine.dispose()
    return {"rows": told.stored, "seconds": seconds, "idle_rss_mb": idle_mb, "peak_rss_mb": _peak_mb()}


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(url: str, path: Path) -> dict[str, float]:
    """Import in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.files", "--load", url, str(path)], check=True, capture_output=True, text=True
    )
    return dict(json.loads(done.stdout))


def main(size_mb: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        path, cluster = Path(folder) / "tracks.csv", None
        url = os.environ.get("TIANSHU_DATABASE_URL")
        if not url:
            cluster = Cluster(Path(folder) / "postgres", durable=True)
            cluster.start()
            url = cluster.url()
        try:
            migrate.upgrade(url)
            rows = write(path, size_mb)
            figures, limit_s = measure(url, path), limit(path)
        finally:
            if cluster:
                cluster.remove()
    if figures["rows"] != rows:
        raise RuntimeError(f"{rows} rows written, {figures['rows']} stored")
    machine = {"processor": platform.processor() or platform.machine(), "python": platform.python_version()}
    print(
        json.dumps(
            {
                "bench": "files",
                "machine": machine,
                "file_mb": size_mb,
                "rows": rows,
                "rows_per_s": round(rows / figures["seconds"]),
                "csv_alone_rows_per_s": round(rows / limit_s),
                "to_csv_alone": round(limit_s / figures["seconds"], 3),
                "idle_rss_mb": round(figures["idle_rss_mb"]),
                "peak_rss_mb": round(figures["peak_rss_mb"]),
            }
        )
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--load"]:
        print(json.dumps(asyncio.run(load(sys.argv[2], Path(sys.argv[3])))))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 40)
