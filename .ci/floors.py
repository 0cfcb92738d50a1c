"""Install exactly the lowest versions that setup.cfg allows, and run on them what users do with
each extra, and the quick suite."""

import re
import sys
import tempfile
from configparser import ConfigParser
from pathlib import Path

from tests.kit import ROOT
from tests.kit.engines import MariaDB, PostgreSQL, Valkey
from tests.kit.environments import FLOWS, Environment, build_wheel

_FOR_US = {"test", "test-all", "bench", "docs"}
_QUICK_SUITE = ("-m", "pytest", "-q", "-m", "quick", "-n", "4")

Pins = dict[str, str]
"""Name and extras of a package, in lower case, to its lowest version."""


def read_setup() -> ConfigParser:
    """Read setup.cfg."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config


def floors(*texts: str) -> Pins:
    """Return the floors that lists of requirements name; one package has one."""
    pins: Pins = {}
    for line in "\n".join(texts).split("\n"):
        requirement = line.strip()
        if not requirement or requirement.startswith("wsgi-jwt-middleware["):
            continue
        floor = re.fullmatch(r"([\w.-]+(?:\[.*\])?)>=([\w.]+)", requirement)
        if floor is None:
            sys.exit(f"setup.cfg: {requirement} must be NAME>=VERSION: it has no one floor")
        name, version = floor[1].lower(), floor[2]
        if pins.setdefault(name, version) != version:
            sys.exit(f"setup.cfg: {name} has two floors, {pins[name]} and {version}")
    return pins


def install(folder: Path, wheel: Path, extras: list[str], pins: Pins) -> Environment:
    """Return a new environment with the wheel and exactly these versions; exit if they do not go
    together."""
    exact = [f"{name}=={version}" for name, version in sorted(pins.items())]
    print("the floors:", *exact, flush=True)
    environment = Environment(folder)
    environment.install(f"{wheel}[{','.join(extras)}]", *exact)
    return environment


def run_flows(environment: Environment, extras: list[str], folder: Path) -> None:
    """Do what the README says of each extra; exit if that fails."""
    folder.mkdir()
    postgresql, valkey, mariadb = PostgreSQL(), Valkey(), MariaDB()
    env = {"POSTGRESQL_URL": postgresql.url, "REDIS_URL": valkey.url, "MYSQL_URL": mariadb.url}
    try:
        done = environment.run(str(FLOWS), *extras, cwd=folder, env=env)
    finally:
        postgresql.remove()
        valkey.remove()
        mariadb.remove()
    print(done.stdout, end="", flush=True)
    if done.returncode:
        sys.exit(f"the floors do not work:\n{done.stderr}")


def run_quick_suite(environment: Environment) -> None:
    """Run the quick suite of this clone; exit if that fails."""
    done = environment.run(*_QUICK_SUITE, cwd=ROOT)
    print("the quick suite on the floors:", done.stdout.strip().splitlines()[-1])
    if done.returncode:
        sys.exit(f"the quick suite fails on the floors:\n{done.stdout}{done.stderr}")


def main() -> None:
    """Build the wheel, install it with the floors, and run the flows and the quick suite."""
    config = read_setup()
    lists = dict(config["options.extras_require"])
    extras = [extra for extra in lists if extra not in _FOR_US]
    pins = floors(config["options"]["install_requires"], *(lists[extra] for extra in extras))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build_wheel(folder)
        users = install(folder / "users", wheel, extras, pins)
        run_flows(users, extras, folder / "empty")
        # What the suite itself needs may be newer than what users need.
        ours = install(folder / "ours", wheel, [*extras, "test"], pins | floors(lists["test"]))
        run_quick_suite(ours)


if __name__ == "__main__":
    main()
