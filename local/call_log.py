"""Writes down who called what: one line of JSON for each call that a role's policy was asked about."""

import json
import threading

from ministack.core import iam_evaluator


def log_calls(path):
    evaluate = iam_evaluator.evaluate
    lock = threading.Lock()
    log = open(path, "a", encoding="utf-8", buffering=1)

    def evaluate_and_log(ctx, policies, *limits):
        result = evaluate(ctx, policies, *limits)
        line = {"principal": ctx.principal_arn, "action": ctx.action, "resource": ctx.resource_arn,
                "decision": result.decision}
        with lock:
            log.write(json.dumps(line) + "\n")
        return result

    iam_evaluator.evaluate = evaluate_and_log
