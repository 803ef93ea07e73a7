"""What a process loads before it does anything: thousands of terminals hang on the gateway's memory."""

import subprocess
import sys

HEAVY = ("scipy", "pandas", "geopandas", "esda", "networkx", "folium", "fastapi", "procrastinate")


def test_a_gateway_loads_no_library_that_only_dispatch_and_pages_need():
    program = (
        f"import sys, api.cli.serve, api.gateway.server\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
