"""Step Functions: starting the same execution twice, and tasks that wait to be called back."""

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


class CallbackFailed(Exception):
    """Carries a function's failure past the place where the emulator swallows it."""


def callback_failure():
    """A task with waitForTaskToken whose function fails, fails with the function's error, as any task does; the emulator
    swallows the error and waits on until TimeoutSeconds.
    https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token"""
    invoke, call = stepfunctions._invoke_with_callback, stepfunctions._call_lambda
    callback = threading.local()

    def call_or_fail(func_ref, event):
        try:
            return call(func_ref, event)
        except stepfunctions._ExecutionError as error:
            if getattr(callback, "waits", False):
                raise CallbackFailed(error) from error
            raise

    def invoke_or_fail(resource, input_data, token, state_def):
        callback.waits = True
        try:
            return invoke(resource, input_data, token, state_def)
        except CallbackFailed as failed:
            stepfunctions._task_tokens.pop(token, None)
            raise failed.args[0] from None
        finally:
            callback.waits = False

    stepfunctions._call_lambda = call_or_fail
    stepfunctions._invoke_with_callback = invoke_or_fail


def stopped_callback():
    """The task token of an execution that was stopped wakes nobody: SendTaskSuccess refuses it; the emulator takes it
    until TimeoutSeconds are over.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html"""
    execute, stop = stepfunctions._execute_task, stepfunctions._stop_execution
    tokens = {}

    def execute_and_remember(state_def, raw_input, execution, ctx):
        # the token is in the context object by the time that anybody can stop it
        tokens[execution["executionArn"]] = ctx
        try:
            return execute(state_def, raw_input, execution, ctx)
        finally:
            tokens.pop(execution["executionArn"], None)

    def stop_and_forget(data):
        answer = stop(data)
        ctx = tokens.get(data.get("executionArn"), {})
        if answer[0] == 200:
            stepfunctions._task_tokens.pop(ctx.get("Task", {}).get("Token"), None)
        return answer

    stepfunctions._execute_task = execute_and_remember
    stepfunctions._stop_execution = stop_and_forget
