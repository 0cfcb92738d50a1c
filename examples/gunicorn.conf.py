"""gunicorn behind nginx: `gunicorn -c examples/gunicorn.conf.py examples.flask_app`. The why is in
docs/how-to/deployment.md."""

import os
import re

bind = os.environ.get(
    "BIND", "unix:/run/example/gunicorn.sock"
)  # a port of loopback can be called by every local user
umask = 0o007  # of that socket: for its owner and its group, which nginx is a member of
worker_class = "gthread"
workers = int(
    os.environ.get("WEB_CONCURRENCY", 2)
)  # about one a core; while people sign in each takes 256 MiB more
threads = int(
    os.environ.get("WEB_THREADS", 8)
)  # logins hold four at most, so a flood of wrong passwords leaves four for the app

forwarder_headers = (
    ""  # by default whoever calls on loopback or by the socket may set SCRIPT_NAME and PATH_INFO
)
limit_request_field_size = (
    16_384  # 8,192 bytes of token fit, and a token that is too large gets our answer, not a 431
)
limit_request_fields = 50  # half of the default for fields of twice the size
control_socket_disable = True  # nothing uses it; it would be a file in the home of the service
limit_request_line = 4094  # the default: no token is ever in a URL

timeout = 30  # for a worker that shows no sign of life; a slow request alone is none
graceful_timeout = (
    30  # for what is being answered when a worker is to end: longer than the app's slowest answer
)
preload_app = (
    False  # so SIGHUP loads a new release; with True it only starts workers of the old one again
)
# No max_requests: all that the middleware keeps is bounded. A new key in a KeyFolder needs no
# SIGHUP.


def cut_query(record):
    """Keep out of the log what a client puts into a query: it may be a token."""
    record.args["r"] = re.sub(r"\?\S*", "?...", record.args["r"])
    return True


# REMOTE_USER is who was let through, jwt_middleware.subject who was refused with a good token. With
# several issuers, REMOTE_USER is only set where the rule's issued_by leaves one.
access_log_format = (
    '%(h)s %({REMOTE_USER}e)s "%(r)s" %(s)s '
    "%({jwt_middleware.reason}e)s %(M)sms %({jwt_middleware.subject}e)s"
)
logconfig_dict = {  # one stream: all goes up to the root, and from there to stderr
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(process)d %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "propagate": True},
        "gunicorn.access": {"level": "INFO", "propagate": True, "filters": [cut_query]},
        "jwt_middleware": {
            "level": "INFO"
        },  # refusals, and what jwt_middleware.login has to tell of sign-ins
    },
}
