"""`Lifetime`: a client says when its test is over, instead of an unexplained 401."""

from ..errors import ConfigurationError


class Lifetime:
    """How long a client and all clients made of it may be used: until `end`.

    The app trusts a client's tokens for the length of one test or module. Without this check, a
    client in a global variable or of a wider fixture would get 401 for a good token.
    """

    def __init__(self) -> None:
        self._is_over = False

    def end(self) -> None:
        """Let each later `check` raise."""
        self._is_over = True

    def check(self) -> None:
        """Raise `ConfigurationError` if the test or module is over."""
        if self._is_over:
            raise ConfigurationError(
                "this client must be used within the test that made it, and that test is over: "
                "ask jwt_client for one in each test, or jwt_module_client for one in each module"
            )
