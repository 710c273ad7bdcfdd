"""What a streamed chunk, a call and an import cost in CPU, of our classes and of their peers: `make bench`."""
