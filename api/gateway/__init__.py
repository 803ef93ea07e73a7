"""The TCP door for terminals that speak JT/T 808.

connection   one terminal's socket: what it says goes to the pipeline, the answer goes out after the commit
server       all of them: who is signed in, back-pressure, silence, start and stop
ownership    which of them all gateways together know to be ours
page         health and metrics over HTTP, loopback only
counters     what is counted
"""

from api.gateway.server import Gateway, run

__all__ = ["Gateway", "run"]
