"""Starts the AWS emulator with the corrections that make it behave as AWS documents where keyturn depends on it.

Nothing in the installed package is changed: each correction replaces a few functions in this process only. They
fit one version of the emulator, so any other is refused.
"""

import argparse
import os
import signal
import sys
import threading
from importlib.metadata import version

from call_log import log_calls
from corrections import access, cloudformation, lambdas, scheduling, secrets_manager, step_functions

EMULATOR_VERSION = "1.5.33"

CORRECTIONS = {
    "secure-transport": access.secure_transport,
    "error-names": lambdas.error_names,
    "worker-environment": lambdas.worker_environment,
    "full-batches": lambdas.full_batches,
    "start-execution": step_functions.start_execution,
    "callback-failure": step_functions.callback_failure,
    "stopped-callback": step_functions.stopped_callback,
    "scheduler-tick": scheduling.scheduler_tick,
    "put-secret-value": secrets_manager.put_secret_value,
    "create-secret-token": secrets_manager.create_secret_token,
    "empty-secret": secrets_manager.empty_secret,
    "deprecated-versions": secrets_manager.deprecated_versions,
    "version-stage": secrets_manager.version_stage,
    "secret-ref": cloudformation.secret_ref,
    "event-bus-policy": cloudformation.event_bus_policy,
    "object-lock": cloudformation.object_lock,
    "if-none-match-key": access.if_none_match_key,
}


def main() -> None:
    options = parse_options()
    if options.list:
        print_corrections()
        return
    require_emulator_version()
    for name, correct in CORRECTIONS.items():
        if name not in options.without:
            correct()
    if options.calls:
        log_calls(options.calls)
    if options.until_stdin_closes:
        threading.Thread(target=end_with_parent, daemon=True).start()
    start_emulator()


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without", action="append", default=[], choices=CORRECTIONS, metavar="CORRECTION",
                        help="leave one correction out; may be repeated")
    parser.add_argument("--calls", metavar="FILE",
                        help="write each call that a policy was asked about to FILE, one line of JSON each")
    parser.add_argument("--list", action="store_true", help="print the corrections and what they restore")
    parser.add_argument("--until-stdin-closes", action="store_true",
                        help="stop when standard input closes, as it does when the parent process dies")
    return parser.parse_args()


def print_corrections() -> None:
    for name, correct in CORRECTIONS.items():
        text = " ".join((correct.__doc__ or "").split())
        print(f"{name}: {text}")


def require_emulator_version() -> None:
    found = version("ministack")
    if found != EMULATOR_VERSION:
        sys.exit(f"the corrections fit ministack {EMULATOR_VERSION}, and {found} is installed: "
                 "run node local/start.mjs --install")


def end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def start_emulator() -> None:
    sys.argv = sys.argv[:1]
    from ministack.app import main as run
    run()


if __name__ == "__main__":
    main()
