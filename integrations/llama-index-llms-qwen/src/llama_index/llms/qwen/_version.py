"""The version of this distribution. `make version` sets it, in all five at once."""

__version__ = "0.1.0"
