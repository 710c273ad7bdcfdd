"""Anthropic's Messages and Chat Completions, each said in the other's words.

Shapes as on https://docs.anthropic.com/en/api/messages and .../build-with-claude/streaming, read 2026-11-22.
"""
