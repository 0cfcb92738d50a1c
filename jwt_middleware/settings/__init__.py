"""Configuration by text: environment variables, and ini files of PasteDeploy.

`from_env` and `filter_app_factory` build a middleware, `login_from_env` and `login.paste` a login
app. `options` has the table of all options, `rules` the form of a rule.

`NAME_file` names a file that contains the value of NAME, such as a secret. With `providers = staff,
partner` each of these providers has options of its own: `staff_issuer`, `partner_issuer`.
"""

import os
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from .._options import got, require
from ..middleware import JWTMiddleware
from ..wire.wsgi import WSGIApplication
from .guard import guard_of
from .options import GUARD, LOGIN
from .reading import Values, read_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..events import Observer
    from ..login import LoginApp
    from ..wire.refusals import OnRefusal

_PREFIX = "JWT_MIDDLEWARE_"

# Kubernetes and Docker links set variables for each neighboring service. Do not report them as
# unknown options: a service `jwt-middleware-redis` sets JWT_MIDDLEWARE_REDIS_PORT_6379_TCP_ADDR.
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_SET_FOR_A_SERVICE = re.compile(
    r"(.+_)?(service_host|service_port(_.+)?|port(_[0-9]+_(tcp|udp|sctp)(_(proto|port|addr))?)?)"
)


def from_env(
    app: WSGIApplication,
    *,
    observers: "Sequence[Observer]" = (),
    on_refusal: "OnRefusal | None" = None,
) -> JWTMiddleware:
    """Guard the app by the variables `JWT_MIDDLEWARE_ISSUER`, `JWT_MIDDLEWARE_RULES` and so on.

    - `observers`, `on_refusal`: those of `JWTMiddleware`, which are functions and so cannot be
      text: `from_env(app, observers=[PrometheusMetrics()])`.

    Variables of the login app have no effect. Variables that Kubernetes sets for a service of this
    name are ignored. Any other unknown variable, and any bad value, raises `ConfigurationError`.
    """
    return guard_of(app, _from_env(GUARD), observers=observers, on_refusal=on_refusal)


def login_from_env() -> "LoginApp":
    """Return the login app of the variables `JWT_MIDDLEWARE_DATABASE_URL` and so on.

    Serve it alone, by `gunicorn "jwt_middleware.settings:login_from_env()"`, or put it in front of
    a guarded app: `login_from_env().wrap(from_env(app), prefix="/auth")`. Both read the same
    variables. Variables of the middleware have no effect here, and the rest is as in `from_env`.
    """
    from .login_app import login_app_of

    return login_app_of(_from_env(LOGIN))


def filter_app_factory(
    app: WSGIApplication, global_conf: Mapping[str, str], /, **options: str
) -> JWTMiddleware:
    """Guard the app by a `[filter:...]` section with `use = egg:wsgi-jwt-middleware`.

    An unknown option or a bad value raises `ConfigurationError`.
    """
    return guard_of(app, read_options(options, GUARD, defaults=global_conf))


def _from_env(known: Collection[str]) -> Values:
    texts = {}
    for name, text in os.environ.items():
        if name.startswith(_PREFIX):
            right = name.upper()
            require(name == right, f"{got(name)} is not an option; the nearest is {got(right)}")
            texts[name.removeprefix(_PREFIX).lower()] = text
    return read_options(
        texts,
        known,
        name_of=_variable,
        others=(*GUARD, *LOGIN),
        is_foreign=_SET_FOR_A_SERVICE.fullmatch,
    )


def _variable(option: str) -> str:
    return _PREFIX + option.upper()
