"""Nothing acknowledged is lost: devices report while a seeded schedule breaks what can break.

schedule   which faults, when: drawn from a seed
fleet      devices that send numbered fixes and send again what was not acknowledged, as the standard says
town       what is tried: real gateway processes over a private PostgreSQL, a small disk
breaking   what each fault does
verdict    what must be true at the end
report     runs as a table of the documentation

`make chaos`, or `python -m bench.chaos --schedules 20 --seconds 16 --seed 1`: one line of JSON for each schedule.
"""
