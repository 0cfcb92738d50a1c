"""What the tests share: tokens and forgeries, a clock, apps, servers and engines, logs."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The root of the clone: what finds `jwt_middleware`, `examples` and `tests`."""
