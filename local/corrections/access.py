"""IAM: what a policy's conditions see of a request."""

import sys
from contextvars import ContextVar

from ministack.core import iam_actions, iam_evaluator


def secure_transport():
    """aws:SecureTransport is true for clients that use AWS as they come; the emulator speaks plain HTTP on loopback,
    so every `enforceSSL` policy, the CDK's own asset bucket first, shuts all roles out.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-securetransport"""
    assert "ministack.app" not in sys.modules, "the app takes this function along when it is imported"
    pin = iam_evaluator.pin_request_origin

    def pin_as_secure(source_ip, secure_transport):
        del secure_transport
        pin(source_ip, True)

    iam_evaluator.pin_request_origin = pin_as_secure
    # what one service asks of another has no request of its own, and is as secure
    iam_evaluator._request_origin = ContextVar("keyturn_request_origin", default=("127.0.0.1", True))


def if_none_match_key():
    """s3:if-none-match is the header of a PutObject, so that a bucket's policy can refuse writes that may overwrite;
    the emulator knows no such key, so that such a policy refuses every write.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html"""
    assert "ministack.app" not in sys.modules, "the app takes this function along when it is imported"
    context_of = iam_actions.s3_service_context

    def with_header(iam_action, query_params, path="", headers=None):
        context = context_of(iam_action, query_params, path, headers)
        value = (headers or {}).get("if-none-match")
        return {**context, "s3:if-none-match": value} if iam_action == "s3:PutObject" and value else context

    iam_actions.s3_service_context = with_header
