"""A city to look at: invented units that speak to the service only through its doors (TCP, HTTP, command line)."""
