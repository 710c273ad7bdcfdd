"""The wire format of Chat Completions, both ways and without I/O."""
