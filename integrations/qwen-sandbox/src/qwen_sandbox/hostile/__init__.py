"""Faults on the wire: a server that speaks HTTP by hand, so that it can speak it wrongly."""
