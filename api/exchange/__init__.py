"""The door between platforms (JT/T 809), in both roles.

wire    one connection: reading, writing, link tests, silence
lower   this platform under another one: logs in there, sends it what is stored
upper   this platform above others: they log in here, what they send is stored
run     the process `tianshu exchange`
"""

from api.exchange.lower import Lower
from api.exchange.run import is_wanted, run
from api.exchange.upper import Upper
from api.exchange.wire import Pace

__all__ = ["Lower", "Pace", "Upper", "is_wanted", "run"]
