"""JT/T 809 (道路运输车辆卫星定位系统平台数据交换): two platforms, two links, bytes in, values out, no sockets.

framing   flags, escaping, CRC, header, cipher       messages   the tables, and the list of them
link      one connection: what was heard, what to send    positions  from a fix to a position and back
"""
