"""How long a way takes where no road is known. Apart from `geo.roads`, whose libraries take 50 MB of a process."""

DEFAULT_PACE_S_PER_M = 0.12
"""Time per metre of straight line, about that of trips of 0.3 to 5 km in a city's centre, where none is fitted."""
