"""What cannot be seen from outside is closed by what the README tells the owner to do."""

from typing import Any

import pytest

from .guards import ours, send
from .open import DOORS, Door

pytestmark = pytest.mark.needs_frameworks


def _leaks(door: Door, app: Any) -> bool:
    return send(app, door.request.path, door.request.method, **dict(door.request.more)).leaked


@pytest.mark.parametrize("name", DOORS)
def test_the_named_rules_close_what_a_rule_for_one_path_leaves_open(name: str) -> None:
    """Such an app shows its secret past rules that look right, so the README names it with what
    closes it."""
    door = DOORS[name]
    app = door.build()
    assert _leaks(door, app)
    assert _leaks(door, ours(*door.rules)(app))
    remedied = door.build_remedied() if door.build_remedied else app
    assert not _leaks(door, ours(*door.remedy)(remedied))
