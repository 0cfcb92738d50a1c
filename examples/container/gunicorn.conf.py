"""gunicorn in a container, also without a database: the only file that it writes is in /dev/shm."""

import os
import re

bind = "0.0.0.0:8000"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", 2))  # each takes up to 256 MiB more for passwords
threads = int(os.environ.get("WEB_THREADS", 8))  # at most four of them wait for passwords
worker_tmp_dir = "/dev/shm"  # noqa: S108  the heartbeat; a disk could stop it
control_socket_disable = True  # it would be a file beside the app
forwarder_headers = ""  # a client must not set SCRIPT_NAME
limit_request_field_size = 16_384  # by default 8,190, too few for a token of 8,192 bytes


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
