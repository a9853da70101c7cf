"""IAM: what a policy's conditions see of a request."""

import sys
from contextvars import ContextVar

from ministack.core import iam_evaluator


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
