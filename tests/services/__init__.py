"""Services that tests start themselves, on free ports of the loopback, and stop: an S3 server that verifies signatures,
AWS's other services by moto, a proxy that makes faults, endpoints that hand out credentials. The fixtures over them
are in fixtures.py."""
