"""Anthropic's Messages: its requests read as turns, its replies, its events and its refusals."""
