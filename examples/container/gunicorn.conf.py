"""gunicorn in a container: the only file that it writes is in /dev/shm."""

import os

bind = "0.0.0.0:8000"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", 2))  # each takes up to 256 MiB more for passwords
threads = int(os.environ.get("WEB_THREADS", 8))  # at most four of them wait for passwords
worker_tmp_dir = "/dev/shm"  # noqa: S108  the heartbeat; a disk could stop it
control_socket_disable = True  # it would be a file beside the app
forwarder_headers = ""  # a client must not set SCRIPT_NAME
accesslog = "-"
