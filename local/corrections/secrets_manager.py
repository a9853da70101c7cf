"""Secrets Manager: versions are written once, a label sits on one version, and nothing that is labelled is lost."""

import json

from ministack.core.responses import error_response_json, json_response, new_uuid
from ministack.services import secretsmanager


def put_secret_value():
    """PutSecretValue with a known ClientRequestToken does nothing when the value is the same and fails with
    ResourceExistsException when it is not; a label moves here from the version that had it; the first version of a
    secret becomes AWSCURRENT. The emulator overwrites the version and copies labels.
    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html"""
    put = secretsmanager._put_secret_value

    def put_once(data):
        secret = writable(data)
        if secret is None:
            return put(data)
        token = data.get("ClientRequestToken") or new_uuid()
        if token in secret["Versions"]:
            return repeated(secret, token, data)
        return put_labelled(put, secret, {**data, "ClientRequestToken": token})

    secretsmanager._put_secret_value = put_once


def writable(data):
    """The secret, unless the emulator has a reason of its own to refuse."""
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    if secret is None or secret.get("DeletedDate") or secretsmanager._is_replica(secret):
        return None
    return secret


def repeated(secret, token, data):
    if same_value(secret["Versions"][token], data):
        return version_answer(secret, token)
    return error_response_json(
        "ResourceExistsException",
        f"You can't use ClientRequestToken {token} because that value is already in use "
        f"for a version of secret {secret['ARN']}.",
        400,
    )


def same_value(version, data):
    return all(version.get(field) == data.get(field) for field in ("SecretString", "SecretBinary"))


def put_labelled(put, secret, data):
    """AWSCURRENT is left to the emulator, which moves AWSPREVIOUS along; it forgets the labels beside it."""
    token = data["ClientRequestToken"]
    labels = data.get("VersionStages") or ["AWSCURRENT"]
    if not secret["Versions"]:
        labels = [*labels, "AWSCURRENT"]
    for label in labels:
        if label != "AWSCURRENT":
            secretsmanager._remove_stage_everywhere(secret, label)
    answer = put({**data, "VersionStages": labels})
    if answer[0] != 200:
        return answer
    for label in labels:
        secretsmanager._add_stage(secret, token, label)
    return version_answer(secret, token)


def version_answer(secret, token):
    labels = list(secret["Versions"][token]["Stages"])
    return json_response({"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token, "VersionStages": labels})


def create_secret_token():
    """CreateSecret's ClientRequestToken becomes the id of the first version, and the same request again is answered
    as before; the emulator makes an id up, and refuses the second request.
    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html"""
    create = secretsmanager._create_secret

    def create_once(data):
        token = data.get("ClientRequestToken")
        existing = secretsmanager._secrets.get(data.get("Name") or "")
        if existing and token in existing["Versions"] and same_value(existing["Versions"][token], data):
            return created_answer(existing, token)
        answer = create(data)
        if answer[0] != 200 or not token:
            return answer
        return rename_version(secretsmanager._secrets[data["Name"]], token) or answer

    secretsmanager._create_secret = create_once


def rename_version(secret, token):
    for made_up in list(secret["Versions"]):
        secret["Versions"][token] = secret["Versions"].pop(made_up)
        return created_answer(secret, token)
    return None


def created_answer(secret, token):
    return json_response({"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token})


def empty_secret():
    """A secret created without a value has no version; the emulator gives it an empty one that is AWSCURRENT.
    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html"""
    create = secretsmanager._create_secret

    def create_empty(data):
        answer = create(data)
        if answer[0] != 200 or "SecretString" in data or "SecretBinary" in data:
            return answer
        secretsmanager._secrets[data["Name"]]["Versions"].clear()
        body = json.loads(answer[2])
        return json_response({key: body[key] for key in ("ARN", "Name")})

    secretsmanager._create_secret = create_empty


def deprecated_versions():
    """A version without labels is deprecated, not gone: it can be read by its id, and ListSecretVersionIds shows it
    when IncludeDeprecated is set; the emulator drops it when the second promotion after it comes.
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html"""
    promote, list_versions = secretsmanager._apply_current_promotion, secretsmanager._list_secret_version_ids

    def promote_and_keep(secret, version_id):
        before = dict(secret["Versions"])
        promote(secret, version_id)
        for kept_id, kept in before.items():
            secret["Versions"].setdefault(kept_id, kept)

    def list_labelled(data):
        answer = list_versions(data)
        if answer[0] != 200 or data.get("IncludeDeprecated"):
            return answer
        body = json.loads(answer[2])
        labelled = [version for version in body["Versions"] if version["VersionStages"]]
        return json_response({**body, "Versions": labelled})

    secretsmanager._apply_current_promotion = promote_and_keep
    secretsmanager._list_secret_version_ids = list_labelled


def version_stage():
    """AWSCURRENT can be moved but never taken off, and GetSecretValue refuses a VersionStage that the named VersionId
    does not have; the emulator does the one and ignores the other.
    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html"""
    update, get = secretsmanager._update_secret_version_stage, secretsmanager._get_secret_value

    def update_keeping_current(data):
        if data.get("VersionStage") == "AWSCURRENT" and not data.get("MoveToVersionId") and writable(data):
            return error_response_json(
                "InvalidParameterException",
                "You can only move staging label AWSCURRENT to a different secret version. "
                "It can't be completely removed.",
                400,
            )
        return update(data)

    def get_matching(data):
        answer = get(data)
        stage = data.get("VersionStage")
        if answer[0] != 200 or not stage or stage in json.loads(answer[2])["VersionStages"]:
            return answer
        return error_response_json(
            "InvalidRequestException",
            "You provided a VersionStage that is not associated to the provided VersionId.",
            400,
        )

    secretsmanager._update_secret_version_stage = update_keeping_current
    secretsmanager._get_secret_value = get_matching
