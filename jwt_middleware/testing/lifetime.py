"""`Lifetime`: reports the use of a client or its tokens after the test, instead of an unexplained
401."""

from ..errors import ConfigurationError


class Lifetime:
    """The time for which a client and all clients made from it may be used: until `end`.

    The app trusts a client's tokens for the length of one test or module. Without this check, a
    client in a global variable or in a fixture of wider scope would get 401 for a valid token.
    """

    def __init__(self) -> None:
        self._is_over = False

    def end(self) -> None:
        """Let each later `check` raise an error."""
        self._is_over = True

    def check(self) -> None:
        """Raise `ConfigurationError` if the test or module is over."""
        if self._is_over:
            raise ConfigurationError(
                "this client or token must be used within the test that made it, and that test is "
                "over: "
                "ask jwt_client for one in each test, or jwt_module_client for one in each module; "
                "in unittest, self.enterContext(trusting(app)) in setUp lasts for a test"
            )
