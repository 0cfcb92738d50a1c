"""Builds a login app from the values of text options."""

from typing import TYPE_CHECKING, Any

from .._options import require
from .bound import dpop_of
from .guard import store_of
from .options import LOGIN_APP, MINTER, SIGNERS, THROTTLE
from .reading import Values

if TYPE_CHECKING:
    from ..login import LoginApp


def login_app_of(values: Values) -> "LoginApp":
    """Return the login app that the options describe."""
    from ..login import LoginApp, TokenMinter

    for name in ("issuer", "audience", "database_url"):
        values.need(name)
    signer = values.only_one_of(SIGNERS)
    require(signer, f"one of {values.listed(SIGNERS)} must be set for a login app")
    with values.worded(key=str(signer)):
        minter = TokenMinter(values.own[str(signer)], **values.picked(MINTER))
    with values.worded():
        store = store_of(values)
        options = {**_throttle(values), **dpop_of(values, store), **values.picked(LOGIN_APP)}
        return LoginApp(store, minter, **options)


def _throttle(values: Values) -> dict[str, Any]:
    """Return the option `throttle` of the login app, if an option sets it."""
    from ..login.throttle import Throttle

    limits = values.picked(THROTTLE)
    if "throttle" in values.own:
        values.refuse(THROTTLE, f"{values.name_of('throttle')} is not set")
        return {"throttle": None}
    return {"throttle": Throttle(**limits)} if limits else {}
