"""A worker is killed at each point of an operation: it has been done or it has not, and can be done
again."""

import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any

from tests.kit.answers import Answer
from tests.kit.inside import log_beside

from .site import PASSWORD, Killed, Site

ANOTHER = "another password"
Tokens = dict[str, Any]


class Witness:
    """What went on and what ended, to be asked again when all the kills are over."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._alive: list[Tokens] = []
        self._ended: list[Tokens] = []

    def goes_on(self, tokens: Tokens) -> None:
        """The client goes on with the refresh token that it has."""
        answer = self._site.refresh(tokens["refresh_token"])
        assert answer.status == 200, answer
        self._alive.append(answer.body)

    def has_ended(self, tokens: Tokens) -> None:
        """The session is gone, and its access tokens with it."""
        assert self._site.refresh(tokens["refresh_token"]).status == 400
        assert self._site.is_logged(tokens)
        self._ended.append(tokens)

    def swear(self) -> None:
        """No session is lost, none is resurrected."""
        time.sleep(1)  # max_staleness
        for tokens in self._alive:
            answer = self._site.refresh(tokens["refresh_token"])
            assert answer.status == 200, answer
            assert self._site.read(answer.body["token"]).status == 200
        for tokens in self._ended:
            assert self._site.refresh(tokens["refresh_token"]).status == 400
            assert self._site.read(tokens["token"]).status == 401


class Operation:
    """What is done to a new user with two sessions, and what must be so when the worker was killed
    over it."""

    def __init__(self, site: Site, witness: Witness) -> None:
        self.site = site
        self.witness = witness
        self.name = site.new_user()
        self.session, self.other = site.new_session(self.name), site.new_session(self.name)

    def do(self, **options: Any) -> Answer:
        """Do it, or be killed."""
        raise NotImplementedError

    def check(self) -> None:
        """After the kill: it was done or not done; then do it, and it is done."""
        raise NotImplementedError

    def is_whole(self, tokens: Tokens) -> bool:
        """Whether a session is still there; then its tokens are good, unless its end is in a log
        elsewhere already."""
        kept, logged = self.site.is_kept(tokens), self.site.is_logged(tokens)
        assert kept or logged, "a session is lost"
        assert log_beside(self.site.store) is not None or not (kept and logged), "half ended"
        return kept


class Login(Operation):
    """Sign in: the earlier sessions go on, and a second try is good."""

    def do(self, **options: Any) -> Answer:
        return self.site.sign_in(self.name, **options)

    def check(self) -> None:
        for tokens in (self.do().body, self.session, self.other):
            self.witness.goes_on(tokens)


class Refresh(Operation):
    """Refresh: the token that the client has gets the one successor, as often as it asks."""

    def do(self, **options: Any) -> Answer:
        return self.site.refresh(self.session["refresh_token"], **options)

    def check(self) -> None:
        first, second = self.do(), self.do()
        assert first.status == second.status == 200, (first, second)
        assert first.body["refresh_token"] == second.body["refresh_token"], "two successors"
        self.witness.goes_on(first.body)
        self.witness.goes_on(self.other)


class Revoke(Operation):
    """Sign out: all of the session is there or nothing; another session of the user is not
    touched."""

    def do(self, **options: Any) -> Answer:
        return self.site.revoke(self.session["refresh_token"], **options)

    def check(self) -> None:
        if self.is_whole(self.session):
            answer = self.site.refresh(self.session["refresh_token"])
            assert answer.status == 200, answer
            self.session = answer.body
        assert self.do().status == 200
        self.witness.has_ended(self.session)
        self.witness.goes_on(self.other)


class _EndsSessions(Operation):
    def check(self) -> None:
        whole = [self.is_whole(tokens) for tokens in (self.session, self.other)]
        assert whole in ([True, True], [False, False]), "some sessions ended"
        self.check_user(whole[0])
        assert self.do().status == 200
        self.witness.has_ended(self.session)
        self.witness.has_ended(self.other)
        self.check_user(False)

    def check_user(self, unchanged: bool) -> None:
        """Raise AssertionError unless the user is as before, or changed."""
        raise NotImplementedError


class ChangePassword(_EndsSessions):
    """Another password: the old one is good and the sessions are there, or the new one and they are
    not."""

    def do(self, **options: Any) -> Answer:
        return self.site.change("set_password", self.name, ANOTHER, **options)

    def check_user(self, unchanged: bool) -> None:
        assert self.site.sign_in(self.name, PASSWORD).status == (200 if unchanged else 401)
        assert self.site.sign_in(self.name, ANOTHER).status == (401 if unchanged else 200)

    def check(self) -> None:
        super().check()
        self.witness.goes_on(self.site.sign_in(self.name, ANOTHER).body)


class Disable(_EndsSessions):
    """A user is shut out, and so are the sessions."""

    def do(self, **options: Any) -> Answer:
        return self.site.change("disable_user", self.name, **options)

    def check_user(self, unchanged: bool) -> None:
        assert (self.site.sign_in(self.name).status == 200) is unchanged


OPERATIONS: dict[str, Callable[[Site, Witness], Operation]] = {
    "login": Login,
    "refresh": Refresh,
    "revoke": Revoke,
    "password change": ChangePassword,
    "disable": Disable,
}


def kill_at_points(
    site: Site, witness: Witness, name: str, *, first: int = 0, step: int = 1
) -> int:
    """Kill a worker at every `step`-th point of an operation, each time on a user of its own;
    return how often."""
    for kills in count():
        operation = OPERATIONS[name](site, witness)
        answer = None
        with suppress(Killed):
            answer = operation.do(kill_at=first + kills * step)
        if answer is not None:  # it has fewer points
            assert answer.status == 200, answer
            return kills
        operation.check()
    raise AssertionError
