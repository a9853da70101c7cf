"""Writes down who called what: one line of JSON for each call that a policy was asked about, and how it ended."""

import json
import threading
from contextvars import ContextVar

from ministack.core import iam_evaluator


def log_calls(path):
    evaluate, enforce = iam_evaluator.evaluate, iam_evaluator.enforce
    asked = ContextVar("keyturn_asked", default=None)
    lock = threading.Lock()
    log = open(path, "a", encoding="utf-8", buffering=1)

    def evaluate_and_note(ctx, policies, *limits):
        # the identity's own policies come first, then perhaps the resource's
        if asked.get() is None:
            asked.set(ctx)
        return evaluate(ctx, policies, *limits)

    def enforce_and_log(*args, **kwargs):
        asked.set(None)
        refusal = enforce(*args, **kwargs)
        ctx = asked.get()
        if ctx is not None:
            line = {"principal": ctx.principal_arn, "action": ctx.action, "resource": ctx.resource_arn,
                    "allowed": refusal is None}
            with lock:
                log.write(json.dumps(line) + "\n")
        return refusal

    iam_evaluator.evaluate = evaluate_and_note
    iam_evaluator.enforce = enforce_and_log
