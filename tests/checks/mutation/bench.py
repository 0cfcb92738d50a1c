"""Runs tests against mutants, each in a fork of a pytest that has collected everything.

Most mutants change one function. The fork puts the mutated code into that function and runs the
tests that call it, the quick ones first, until one fails: a few hundredths of a second. What
changes a module while it is imported needs a fork that imports the package and the tests anew.
"""

import functools
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import re
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from os import _exit
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, NoReturn

import pytest
from hypothesis import Phase, settings

from tests.checks.mutation.mutants import Mutant, path_of
from tests.kit import ROOT

_NAMES = "tests/test_architecture.py::test_a_room_names_what_it_has"
TESTS = {
    "policy": (
        "tests/policy",
        "tests/test_report_only.py",
        "tests/acceptance/test_environ.py",
        "tests/acceptance/test_exact_and_star.py",
    ),
    "trust": (
        "tests/trust/test_jws.py",
        "tests/trust/test_claims.py",
        "tests/trust/test_verifier.py",
        "tests/trust/test_lookup.py",
        "tests/trust/test_cut_offs.py",
        "tests/trust/test_provider.py",
        "tests/checks/corpus/test_corpus.py",
        "tests/test_middleware_verify.py",
        "tests/acceptance/test_tokens.py",
    ),
    "trust/jws": ("tests/trust/test_jws.py", "tests/checks/corpus/test_corpus.py"),
    "trust/claims": (
        "tests/trust/test_claims.py",
        "tests/trust/test_verifier.py",
        "tests/checks/corpus/test_corpus.py",
    ),
    "trust/verifier": (
        "tests/trust/test_verifier.py",
        "tests/trust/test_lookup.py",
        "tests/trust/test_cut_offs.py",
        "tests/trust/test_provider.py",
        "tests/test_middleware_verify.py",
        _NAMES,
    ),
    "policy/candidates": ("tests/policy/test_candidates.py", "tests/test_report_only.py"),
    "policy/binding": ("tests/policy/test_binding.py", "tests/acceptance/test_bound_tokens.py"),
    "policy/naming": ("tests/policy/test_naming.py", "tests/policy/test_requirements.py"),
    "policy/methods": ("tests/policy/test_methods.py", "tests/policy/test_rules.py"),
    "policy/published": ("tests/policy/test_published.py", _NAMES),
    "policy/segments": ("tests/policy/test_segments.py", "tests/policy/test_tree.py"),
    "policy/step_up": ("tests/policy/test_step_up.py", _NAMES),
    "policy/wildcards": ("tests/policy/test_wildcards.py", "tests/policy/test_tree.py"),
    "policy/prefixes": ("tests/policy/test_prefixes.py", "tests/policy/test_rules.py"),
    "policy/tree": (
        "tests/policy/test_tree.py",
        "tests/policy/test_rules.py",
        "tests/policy/test_work.py",
    ),
    "policy/rules": (
        "tests/policy/test_rules.py",
        "tests/policy/test_rule_messages.py",
        "tests/policy/test_candidates.py",
        "tests/policy/test_tree.py",
        "tests/policy/test_work.py",
        "tests/test_report_only.py",
        "tests/acceptance/test_environ.py",
        "tests/acceptance/test_exact_and_star.py",
    ),
    "policy/requirements": ("tests/policy/test_requirements.py", "tests/policy/test_any_of.py"),
    "policy/paths": (
        "tests/policy/test_paths.py",
        "tests/policy/test_rules.py",
        "tests/policy/test_work.py",
        "tests/acceptance/test_environ.py",
    ),
    "wire/credentials": (
        "tests/wire/test_credentials.py",
        "tests/wire/test_places.py",
        "tests/wire/test_same_site.py",
        "tests/wire/test_dpop.py",
        "tests/acceptance/test_presented.py",
    ),
}
"""The tests of a module, or of the modules in a folder of the package that have no row themselves:
their twins, then those from outside. Tests of other modules would only cost time: each is run once
to see what it calls."""

_WALL = 1800  # seconds after which a fork is given up; no verdict, since the machine may be busy
_ENDINGS = _SURVIVED, _KILLED, _SPENT = 0, 81, 82
"""How a fork ends: no test failed, one failed, or the tests took ten times their work and more,
as with a loop. Any other end says nothing of the mutant, and is a fault of the check."""

_NOTHING_RAN = 5  # what pytest returns without a test
_BROKE = 3  # and what it returns if an exception was not a test's

_OPTIONS = ("-m", "quick", "-qq", "--no-header", "-p", "no:cacheprovider")
# Pytest finds hypothesis and the check itself imported.
_OPTIONS += ("-W", "ignore::pytest.PytestAssertRewriteWarning")


class _Examples:
    """Takes the same examples each time, and does not look for a smaller one when a test fails."""

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self) -> None:
        """Replace the profile that conftest chose."""
        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("mutants", settings(), phases=phases, database=None)
        settings.register_profile("mutants", settings.get_profile("mutants"), derandomize=True)
        settings.load_profile("mutants")


class Bench(_Examples):
    """A plug-in of pytest that runs mutants in the place of the tests."""

    def __init__(
        self, mutants: Sequence[Mutant], workers: int, budget: float, told: Callable[[str], None]
    ) -> None:
        self.survivors: list[Mutant] = []
        self.spent: list[Mutant] = []
        self.fault = ""
        self.is_done = False
        self._judged = 0
        self._killers = (0, 0)
        self._left_out: set[int] = set()
        self._mutants, self._workers = mutants, workers
        self._budget, self._told = budget, told
        self._names = {str(path_of(mutant.module)) for mutant in mutants}
        self._is_measuring = self._has_failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """End a fork at the first failure. A test that fails as it is counts for nothing."""
        self._has_failed |= report.failed
        if report.failed and not self._is_measuring:
            number = self._number_of[report.nodeid]
            os.write(self._killers[1], f"{self._judged} {number}\n".encode())
            _exit(_KILLED)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the mutants."""
        session.config.pluginmanager.unregister(name="terminalreporter")
        if session.testsfailed:
            self._give_up("the tests cannot be collected")
        self._items = session.items
        self._number_of = {item.nodeid: number for number, item in enumerate(self._items)}
        gc.unfreeze()  # conftest has frozen everything, and what is frozen is not found
        self._functions = _functions_of(self._names)
        if self._names - {file for file, _ in self._functions}:
            self._give_up("the functions to mutate are not found")
        for cache in _caches():  # filled while modules were imported
            cache.cache_clear()
        self._callers = self._measure()
        gc.freeze()
        unchanged = [self._unchanged(module) for module in {m.module for m in self._mutants}]
        if len(self._survivors_of(unchanged)) < len(unchanged):
            self._give_up("the tests fail when everything is imported anew")
        self.survivors = self._survivors_of(self._mutants)
        self.is_done = True
        return True

    def _give_up(self, why: str) -> NoReturn:
        self.fault = why
        pytest.exit(why)

    def _survivors_of(self, mutants: Sequence[Mutant]) -> list[Mutant]:
        """Run tests against the mutants until no verdict rests on a test that fails without the
        mutant too, when no other test ran before it."""
        survivors: list[Mutant] = []
        alone: dict[int, bool] = {}
        while mutants:
            read, write = self._killers = os.pipe()
            survivors += self._run_all(mutants)
            os.close(write)
            with os.fdopen(read) as lines:
                killed = [tuple(map(int, line.split())) for line in lines]
            for number in {number for _, number in killed} - set(alone):
                alone[number] = self._fails_alone(number)
            self._left_out = {number for number, fails in alone.items() if fails}
            mutants = [mutants[judged] for judged, number in killed if alone[number]]
        return survivors

    def _fails_alone(self, number: int) -> bool:
        self._killers = os.pipe()
        pid = os.fork()
        if pid == 0:
            _to_its_end(self._run_alone, self._items[number])
        status = os.waitpid(pid, 0)[1]
        for end in self._killers:
            os.close(end)
        return status != 0

    def _run_alone(self, item: pytest.Item) -> NoReturn:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        _exit(_SURVIVED)

    def _unchanged(self, module: str) -> Mutant:
        return Mutant(module, "", "unchanged", "unchanged", path_of(module).read_text())

    # What each test calls, and how long it takes

    def _measure(self) -> dict[tuple[str, str], list[tuple[float, int]]]:
        """Run every test once, in a fork, and return who calls a function, by its name."""
        callers: dict[tuple[str, str], list[tuple[float, int]]] = {}
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            self._measure_each(write)
        os.close(write)
        measured = set()
        with os.fdopen(read) as lines:
            for line in lines:
                number, seconds, called = json.loads(line)
                measured.add(number)
                for file, name in called:
                    callers.setdefault((file, name), []).append((seconds, number))
        os.waitpid(pid, 0)
        names = enumerate(item.nodeid for item in self._items)
        self._failing = [name for number, name in names if number not in measured]
        if self._failing:
            self.fault = f"these tests fail as they are: {', '.join(self._failing)}"
        return callers

    def _measure_each(self, write: int) -> NoReturn:
        self._is_measuring = True
        called: set[tuple[str, str]] = set()
        known = {
            id(code): name
            for name, functions in self._functions.items()
            for function in functions
            for code in _codes(function.__code__)
        }

        def watch(frame: FrameType, event: str, _: object) -> None:
            if event == "call" and id(frame.f_code) in known:
                called.add(known[id(frame.f_code)])

        threading.setprofile(watch)
        for item, after in zip(self._items, [*self._items[1:], None], strict=True):
            called.clear()
            self._has_failed = False
            begin = time.process_time()
            sys.setprofile(watch)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            sys.setprofile(None)
            if not self._has_failed:
                row = [self._items.index(item), time.process_time() - begin, sorted(called)]
                os.write(write, f"{json.dumps(row)}\n".encode())
        _exit(0)

    # The mutants

    def _run_all(self, mutants: Sequence[Mutant]) -> list[Mutant]:
        running: dict[int, tuple[Mutant, float]] = {}
        survivors: list[Mutant] = []
        for judged, mutant in enumerate(mutants):
            while len(running) >= self._workers:
                survivors += self._ended(running)
            pid = os.fork()
            if pid == 0:
                self._judged = judged
                _to_its_end(self._run, mutant)
            running[pid] = mutant, time.monotonic()
        while running:
            survivors += self._ended(running)
        return survivors

    def _ended(self, running: dict[int, tuple[Mutant, float]]) -> list[Mutant]:
        """Wait a little; return those of the mutants that have survived meanwhile."""
        survivors = []
        for pid, (mutant, begin) in list(running.items()):
            if time.monotonic() - begin > _WALL:
                os.kill(pid, signal.SIGKILL)
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del running[pid]
                ending = os.waitstatus_to_exitcode(status)
                survivors += [mutant] if ending == _SURVIVED else []
                self.spent += [mutant] if ending == _SPENT else []
                if ending not in _ENDINGS:
                    self.fault += f"no verdict, since the fork ended with {ending}: {mutant}; "
                if mutant.before != mutant.after:
                    self._told(str(mutant) if ending == _SURVIVED else "")
        time.sleep(0.005)
        return survivors

    def _run(self, mutant: Mutant) -> NoReturn:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        file = str(path_of(mutant.module))
        changed = _put(mutant, self._functions)
        if not changed:
            _run_anew(mutant, self._failing)
        items = self._chosen(mutant, file, changed)
        if not items:  # called while modules are imported alone, or by longer tests alone
            _run_anew(mutant, self._failing)
        _limit(30 + 10 * sum(seconds for seconds, _ in items))
        chosen = [self._items[number] for _, number in items]
        for item, after in zip(chosen, [*chosen[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        # What the original made while modules were imported is not the mutant's, so a mutant may
        # be called a survivor that a new import would kill, never the other way round.
        _exit(_SURVIVED)

    def _chosen(self, mutant: Mutant, file: str, names: set[str]) -> list[tuple[float, int]]:
        """Return the tests that call the functions, twins first, within the budget of seconds."""
        twin = f"tests/{mutant.module.replace('/', '/test_')}.py::"
        callers = {one for name in names for one in self._callers.get((file, name), ())}
        callers = {one for one in callers if one[1] not in self._left_out}
        chosen, total = [], 0.0
        for seconds, number in sorted(callers):
            total += seconds
            if total < self._budget:
                chosen.append((seconds, number))
        is_far = {n: not self._items[n].nodeid.startswith(twin) for _, n in chosen}
        return sorted(chosen, key=lambda one: (is_far[one[1]], one))


def _functions_of(names: set[str]) -> dict[tuple[str, str], list[FunctionType]]:
    functions: dict[tuple[str, str], list[FunctionType]] = {}
    for one in gc.get_objects():
        if type(one) is FunctionType and one.__code__.co_filename in names:
            code = one.__code__
            functions.setdefault((code.co_filename, code.co_qualname), []).append(one)
    return functions


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _put(mutant: Mutant, functions: dict[tuple[str, str], list[FunctionType]]) -> set[str]:
    """Put the mutated code or data where the original is. Return the names of the functions to
    which it makes a difference; none if that is not all of the change."""
    file = str(path_of(mutant.module))
    if not mutant.where:
        names = _put_data(mutant)
        return {
            name
            for (home, name), made in functions.items()
            for code in _codes(made[0].__code__)
            if home == file and not names.isdisjoint(code.co_names)
        }
    old, new = (
        {code.co_qualname: code for code in _codes(compile(text, file, "exec", dont_inherit=True))}
        for text in (Path(file).read_text(), mutant.source)
    )
    mutated = new[mutant.where]
    if mutated == old[mutant.where]:  # a default, which the function has from its definition
        return set()
    try:
        for function in functions.get((file, mutant.where), []):
            function.__code__ = mutated
    except ValueError:  # another number of cells
        return set()
    return {mutant.where}


_PLAIN = (type(None), bool, int, float, str, bytes, re.Pattern)


def _is_data(value: object) -> bool:
    """Tell whether a value is equal to one made by a second import, as functions in a tuple are
    not."""
    if isinstance(value, dict):
        return all(map(_is_data, [*value, *value.values()]))
    if isinstance(value, (tuple, frozenset, set, list)):
        return all(map(_is_data, value))
    return isinstance(value, _PLAIN)


def _put_data(mutant: Mutant) -> set[str]:
    """Put the constants that differ into the module and those that imported them. Return their
    names; none if the mutant cannot be imported, which a new import finds out."""
    name = mutant.import_name
    home = sys.modules[name]
    other = ModuleType(name)
    other.__package__ = home.__package__
    other.__file__ = home.__file__
    try:
        exec(compile(mutant.source, name, "exec", dont_inherit=True), vars(other))
    except Exception:
        return set()
    names = set()
    for key, old in [*vars(home).items()]:
        new = vars(other).get(key)
        is_data = _is_data(old) and _is_data(new)
        if key.startswith("__") or not is_data or (type(new) is type(old) and new == old):
            continue
        names.add(key)
        for module in [*sys.modules.values()]:
            if getattr(module, "__dict__", {}).get(key) is old:
                setattr(module, key, new)
    return names


def _caches() -> list[Any]:
    """Return the caches of functions of the package."""
    kind = type(functools.cache(len))
    found = [one for one in gc.get_objects() if type(one) is kind]
    return [one for one in found if str(one.__module__).startswith("jwt_middleware")]


def _limit(seconds: float) -> None:
    """Let the system end this fork after so many seconds of work, busy machine or not."""
    spent = time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (int(spent + seconds), int(spent + seconds) + 1))
    signal.signal(signal.SIGXCPU, lambda *_: _exit(_SPENT))


def _to_its_end(work: Callable[[Any], NoReturn], of: object) -> NoReturn:
    """Do the work of a fork. An exception that leaves it is not a test that failed."""
    try:
        work(of)
    except BaseException:
        traceback.print_exc()
    _exit(_BROKE)


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module from the mutated text."""

    text = b""

    def get_code(self, fullname: str) -> CodeType:
        """Compile the text; the cached bytecode is not read."""
        return compile(self.text, self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._name = mutant.import_name
        self._loader = _Loader(self._name, str(path_of(mutant.module)))
        self._loader.text = mutant.source.encode()

    def find_spec(self, fullname: str, path: object, target: object = None) -> Any:
        """Find the one module."""
        if fullname != self._name:
            return None
        return importlib.util.spec_from_loader(fullname, self._loader)


def _run_anew(mutant: Mutant, failing: Sequence[str]) -> NoReturn:
    """Import everything anew, and run the twin tests of the module, then the others, but for those
    that fail as they are."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    _limit(600)
    for name in [*sys.modules]:
        if name.partition(".")[0] in {"jwt_middleware", "tests", "conftest"}:
            del sys.modules[name]
    sys.meta_path.insert(0, _Finder(mutant))
    try:
        importlib.import_module(mutant.import_name)
    except Exception:
        _exit(_KILLED)
    folder, _, stem = mutant.module.partition("/")
    twin = f"tests/{folder}/test_{stem}.py"
    without = [option for name in failing for option in ("--deselect", name)]
    # No test runs twice: one of a line that is logged once in a process would fail.
    others = [file for file in tests_of(mutant.module) if file != twin]
    for files, options in (([twin], without), (others, [*without, "--deselect", twin])):
        there = [file for file in files if is_there(file)]
        ended = _tests(there, _Examples(), "-x", *options) if there else _NOTHING_RAN
        if ended not in (0, _NOTHING_RAN):
            _exit(_BROKE if ended == _BROKE else _KILLED)
    _exit(_SURVIVED)


def _tests(files: Sequence[str], plugin: object, *options: str) -> int:
    return int(pytest.main([*_OPTIONS, *options, *files], plugins=[plugin]))


def tests_of(module: str) -> tuple[str, ...]:
    """Return the files and folders of the tests that run against the mutants of a module."""
    return TESTS.get(module) or TESTS[module.partition("/")[0]]


def is_there(test: str) -> bool:
    """Return whether there is such a folder or file of tests, or the file of such a test."""
    return Path(ROOT, test.partition("::")[0]).exists()


def run(
    mutants: Sequence[Mutant], workers: int, budget: float, told: Callable[[str], None]
) -> Bench:
    """Run the tests against the mutants."""
    files = {file for mutant in mutants for file in tests_of(mutant.module)}
    files = {file for file in files if str(Path(file).parent) not in files}  # each test once
    bench = Bench(mutants, workers, budget, told)
    ended = _tests([file for file in sorted(files) if is_there(file)], bench)
    if ended or not bench.is_done:
        sys.exit(f"no mutant was judged: {bench.fault or 'pytest could not run'}")
    return bench
