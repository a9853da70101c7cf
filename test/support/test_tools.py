"""Makes the Python environment of the test tools unless it is there.

A lock of the operating system, gone with its process, makes everybody but the first wait. The stamp is written last:
an install that was cut short is made again from the start.
"""

import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
from pathlib import Path

project = Path(__file__).resolve().parents[2]
requirements = project / "test" / "requirements.txt"
environment = project / ".local" / "test-venv"
stamp = environment / "keyturn-installed"


def main() -> None:
    environment.parent.mkdir(exist_ok=True)
    with open(environment.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = f"{hashlib.sha256(requirements.read_bytes()).hexdigest()} {platform.python_version()}\n"
        if not stamp.exists() or stamp.read_text() != wanted:
            install()
            stamp.write_text(wanted)


def install() -> None:
    shutil.rmtree(environment, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip = [environment / "bin" / "python", "-m", "pip", "install"]
    quietly = ["--quiet", "--disable-pip-version-check", "--no-input"]
    subprocess.run([*pip, *quietly, "--require-hashes", "--no-deps", "-r", requirements], check=True)


main()
