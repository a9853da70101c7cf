"""Lambda: what a failed handler tells its caller, what it sees of the machine, and how much a queue hands it."""

import os
import subprocess
import threading
import time
from types import SimpleNamespace

from ministack.core import lambda_runtime as runtime
from ministack.services import lambda_svc, sqs


def error_names():
    """A handler's error reaches its caller with the error's own name as errorType, and Step Functions' Retry and
    Catch match on it; the emulator calls every error Runtime.HandlerError.
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html"""
    tell_names_in_worker()
    last = threading.local()
    invoke, execute = runtime.Worker.invoke, lambda_svc._execute_function_warm

    def invoke_and_remember(worker, *args, **options):
        last.response = invoke(worker, *args, **options)
        return last.response

    def execute_with_name(func, event, request_id):
        last.response = {}
        result = execute(func, event, request_id)
        return with_error_name(result, last.response)

    runtime.Worker.invoke = invoke_and_remember
    lambda_svc._execute_function_warm = execute_with_name


def tell_names_in_worker():
    """The worker's script writes `error` and `trace` in two places; `errorType` is added to both."""
    for variable, fields in (
        ("err", 'error: String(err.message || err), trace: err.stack || ""'),
        ("e", "error: e.message, trace: e.stack"),
    ):
        before = f'status: "error", {fields}'
        # as Lambda's own Node runtime: an error's name, or the type of whatever else was thrown
        name = f"errorType: {variable} instanceof Error ? {variable}.name : typeof {variable}"
        assert before in runtime._NODEJS_WORKER_SCRIPT, "the emulator's worker script is not the one expected"
        runtime._NODEJS_WORKER_SCRIPT = runtime._NODEJS_WORKER_SCRIPT.replace(before, f"{name}, {before}")


def with_error_name(result, response):
    body = result.get("body")
    if not result.get("error") or not isinstance(body, dict) or body.get("errorType") != "Runtime.HandlerError":
        return result
    if response.get("errorType"):
        body["errorType"] = response["errorType"]
        body["trace"] = (response.get("trace") or "").split("\n")
    elif response.get("error") == "Worker process died":
        body["errorType"] = "Runtime.ExitError"
    return result


# What a worker of the emulator needs beside what Lambda documents.
MACHINE = ("PATH", "TMPDIR", "LANG", "NODE_OPTIONS", "GATEWAY_PORT")


def worker_environment():
    """A function sees its own variables and those that Lambda sets, not the machine it runs on; the emulator hands
    its whole environment down.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
    spawning = threading.local()
    spawn = runtime.Worker._spawn

    def spawn_with_config(worker):
        spawning.config = worker.config
        return spawn(worker)

    def popen(command, env=None, **options):
        return subprocess.Popen(command, env=lambda_environment(env, spawning.config), **options)

    runtime.Worker._spawn = spawn_with_config
    # the module's own view of `subprocess`: nobody else's is touched
    runtime.subprocess = SimpleNamespace(**{**vars(subprocess), "Popen": popen})


def lambda_environment(env, config):
    own = (config.get("Environment") or {}).get("Variables") or {}
    name = config.get("FunctionName", "")
    inherited = {key for key, value in os.environ.items() if env.get(key) == value and key not in own}
    return {
        "TZ": ":UTC",
        "_HANDLER": config.get("Handler", ""),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime', '')}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}",
        **{key: value for key, value in env.items() if key not in inherited or key in MACHINE},
    }


# An invocation takes 6 MB, in which a message has its attributes and the escapes of its body, too.
BATCH_BYTES = 5_000_000
MESSAGE_BYTES = 1_000


def full_batches():
    """A queue's event source hands a function as many messages as the mapping's BatchSize says, while they fit into
    the 6 MB of an invocation; the emulator hands over ten at most.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html"""
    receive_ten = sqs._receive_messages_for_esm

    def receive(queue_url, batch_size):
        # a FIFO queue's batch is ten at most on AWS, too
        if sqs._get_q(queue_url)["is_fifo"]:
            return receive_ten(queue_url, batch_size)
        with sqs._queues_lock:
            queue = sqs._get_q(queue_url)
            sqs._expire_retained(queue)
            sqs._dlq_sweep(queue)
            timeout = int(queue["attributes"].get("VisibilityTimeout", "30"))
            return sqs._collect_msgs(queue, how_many_fit(queue, int(batch_size)), timeout)

    sqs._receive_messages_for_esm = receive


def how_many_fit(queue, batch_size):
    now, count, size = time.time(), 0, 0
    for message in queue["messages"]:
        if message.get("visible_at", 0) > now:
            continue
        size += len(message["body"].encode()) + MESSAGE_BYTES
        if count == batch_size or (count and size > BATCH_BYTES):
            break
        count += 1
    return count
