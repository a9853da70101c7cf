"""Step Functions: starting the same execution twice."""

import threading

from ministack.core.responses import json_response
from ministack.services import stepfunctions


def start_execution():
    """StartExecution with the name and input of a running execution of a standard workflow answers as it did the
    first time; the emulator refuses it. Closed, or with another input, it stays ExecutionAlreadyExists.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html"""
    start = stepfunctions._start_execution
    # one at a time: two equal requests at once must not both find nothing
    lock = threading.Lock()

    def start_once(data):
        with lock:
            running = same_execution(data)
            if running is None:
                return start(data)
        return json_response({"executionArn": running["executionArn"], "startDate": running["startDate"]})

    stepfunctions._start_execution = start_once


def same_execution(data):
    arn = stepfunctions._resolve_state_machine_arn(data.get("stateMachineArn", ""))
    machine = stepfunctions._state_machines.get(arn) if arn else None
    if machine is None or not data.get("name") or machine.get("type") == "EXPRESS":
        return None
    found = stepfunctions._executions.get(f"{arn.replace(':stateMachine:', ':execution:')}:{data['name']}")
    if found is None or found["status"] != "RUNNING" or found["input"] != data.get("input", "{}"):
        return None
    return found
