"""`python -m qwen_sandbox` is the command `qwen-sandbox`."""

from qwen_sandbox.cli import main

raise SystemExit(main())
