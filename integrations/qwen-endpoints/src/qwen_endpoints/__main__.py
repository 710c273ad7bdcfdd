"""`python -m qwen_endpoints` is the command `qwen-endpoints`."""

from qwen_endpoints.cli import main

raise SystemExit(main())
