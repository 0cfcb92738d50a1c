"""Install exactly the lowest versions that setup.cfg allows, and run the main flow on them."""

import re
import sys
import tempfile
from configparser import ConfigParser
from pathlib import Path

from tests.kit import ROOT
from tests.kit.engines import PostgreSQL, Valkey
from tests.kit.environments import FLOWS, Environment, build_wheel

_FOR_US = {"test", "test-all", "bench", "docs"}


def floors() -> tuple[dict[str, str], list[str]]:
    """Return the floors, name to pin, and the extras for those who use the package."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    lists = dict(config["options.extras_require"])
    extras = [extra for extra in lists if extra not in _FOR_US]
    texts = [config["options"]["install_requires"], *(lists[extra] for extra in extras)]
    pins: dict[str, str] = {}
    for line in "\n".join(texts).split("\n"):
        requirement = line.strip()
        if not requirement or requirement.startswith("wsgi-jwt-middleware["):
            continue
        floor = re.fullmatch(r"([\w.-]+)(\[.*\])?>=([\w.]+)", requirement)
        if floor is None:
            sys.exit(f"setup.cfg: {requirement} must be NAME>=VERSION: it has no one floor")
        pin = f"{floor[1]}{floor[2] or ''}=={floor[3]}"
        if pins.setdefault(floor[1].lower(), pin) != pin:
            sys.exit(f"setup.cfg: {floor[1]} has two floors, {pins[floor[1].lower()]} and {pin}")
    return pins, extras


def main() -> None:
    """Build the wheel, install it with the floors and run every flow; exit with 1 if one fails."""
    pins, extras = floors()
    print("the floors:", *sorted(pins.values()))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build_wheel(folder)
        environment = Environment(folder / "venv")
        done = environment.install(f"{wheel}[{','.join(extras)}]", *pins.values())
        if done.returncode:
            sys.exit(f"the floors cannot be installed:\n{done.stderr}")
        (folder / "empty").mkdir()
        postgresql, valkey = PostgreSQL(), Valkey()
        env = {"POSTGRESQL_URL": postgresql.url, "REDIS_URL": valkey.url}
        try:
            done = environment.run(str(FLOWS), *extras, cwd=folder / "empty", env=env)
        finally:
            postgresql.remove()
            valkey.remove()
    print(done.stdout, end="")
    if done.returncode:
        sys.exit(f"the floors do not work:\n{done.stderr}")


if __name__ == "__main__":
    main()
