"""Run the README's first command in a fresh clone, paste its three curl lines, and end it."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

command = sys.argv[1]
with tempfile.TemporaryDirectory() as folder:
    subprocess.run(["git", "clone", "-q", Path.cwd(), folder], check=True)
    demo = subprocess.Popen(
        command, shell=True, cwd=folder, text=True, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        printed = ""
        for line in demo.stdout or ():
            printed += line
            if "Ctrl-C" in line:
                break
        curls = "\n".join(re.findall(r"^(?:curl|TOKEN=).*$", printed, re.MULTILINE))
        answers = subprocess.run(
            ["bash", "-c", curls], capture_output=True, text=True, timeout=30
        ).stdout
        pages = re.findall(r"http\S+/auth/login", printed)[:1]
        page = subprocess.run(["curl", "-s", *pages], capture_output=True, text=True, timeout=30)
    finally:
        os.killpg(demo.pid, signal.SIGINT)
        demo.wait(60)
statuses = re.findall(r"^HTTP/1.1 (\d+)", answers, re.MULTILINE)
if statuses != ["401", "200"] or "Sign in" not in page.stdout:
    sys.exit(f"the demo did not do what the README says:\n{printed}\n{answers}")
print("the README's first command works: 401 without a token, 200 with one, and the page")
