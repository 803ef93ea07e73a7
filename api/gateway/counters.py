"""What the gateway counts, in Prometheus' words."""

from prometheus_client import Counter, Gauge

CONNECTIONS = Gauge("tianshu_gateway_connections", "Open connections of terminals")
SIGNED_IN = Gauge("tianshu_gateway_signed_in", "Terminals that have authenticated")
REFUSED = Counter("tianshu_gateway_frames_refused_total", "Frames and reports that were not accepted", ["reason"])
REGISTRATIONS = Counter("tianshu_gateway_registrations_total", "Registrations by what came of them", ["outcome"])
AUTHENTICATIONS = Counter("tianshu_gateway_authentications_total", "Authentications by outcome", ["outcome"])
TAKEOVERS = Counter("tianshu_gateway_takeovers_total", "Connections replaced by a newer one of the same device")
UNANSWERED = Counter("tianshu_gateway_unanswered_total", "Messages left unanswered because the database was away")
COMMANDS = Counter("tianshu_gateway_commands_total", "Commands to terminals by what became of them", ["state"])
DATAGRAMS_DROPPED = Counter("tianshu_gateway_datagrams_dropped_total", "Datagrams that came too fast or from too many")
CLOSED = Counter("tianshu_gateway_closed_total", "Connections closed by the gateway", ["reason"])
