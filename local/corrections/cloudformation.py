"""CloudFormation: references and resource types that the emulator knows otherwise or not at all."""

from ministack.services import eventbridge, s3, secretsmanager
from ministack.services.cloudformation import provisioners


def secret_ref():
    """Ref of AWS::SecretsManager::Secret is its ARN, so that secretArn and the permissions made from it are right;
    the emulator gives the name.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html"""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]

    def create_with_arn(*args, **options):
        return arn_as_id(create(*args, **options))

    def update_by_arn(physical_id, *args, **options):
        return arn_as_id(update(secret_name(physical_id), *args, **options))

    def delete_by_arn(physical_id, *args, **options):
        return delete(secret_name(physical_id), *args, **options)

    handlers.update(create=create_with_arn, update=update_by_arn, delete=delete_by_arn)


def arn_as_id(result):
    physical_id, attributes = result
    return attributes.get("Arn", physical_id), attributes


def secret_name(physical_id):
    name, _ = secretsmanager._resolve(physical_id)
    return name or physical_id


def event_bus_policy():
    """AWS::Events::EventBusPolicy adds one statement to the bus's policy; the emulator refuses the type, and the
    whole stack with it. The statement is kept and DescribeEventBus shows it, but nothing enforces it.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-eventbuspolicy.html"""
    assert "AWS::Events::EventBusPolicy" not in provisioners._RESOURCE_HANDLERS

    def create(_logical_id, properties, _stack_name):
        bus, statement_id = properties.get("EventBusName", "default"), properties["StatementId"]
        empty = {"Version": "2012-10-17", "Statement": []}
        policy = eventbridge._event_bus_policies.setdefault(bus, empty)
        others = [one for one in policy["Statement"] if one.get("Sid") != statement_id]
        policy["Statement"] = [*others, {**properties.get("Statement", {}), "Sid": statement_id}]
        return f"{bus}|{statement_id}", {}

    def delete(physical_id, _properties):
        bus, statement_id = physical_id.split("|", 1)
        eventbridge._remove_permission({"EventBusName": bus, "StatementId": statement_id})

    provisioners._RESOURCE_HANDLERS["AWS::Events::EventBusPolicy"] = {"create": create, "delete": delete}


def object_lock():
    """AWS::S3::Bucket with ObjectLockEnabled has versions, and its default retention locks each of them; the emulator
    makes a bucket without either.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-s3-bucket-objectlockconfiguration.html"""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    create, update = handlers["create"], handlers["update"]

    def create_locked(logical_id, properties, stack_name):
        return locked(create(logical_id, properties, stack_name), properties)

    def update_locked(physical_id, old_properties, new_properties, stack_name):
        return locked(update(physical_id, old_properties, new_properties, stack_name), new_properties)

    handlers.update(create=create_locked, update=update_locked)


def locked(result, properties):
    name, _ = result
    if str(properties.get("ObjectLockEnabled", "")).lower() == "true":
        retention = properties.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention")
        s3._bucket_versioning[name] = "Enabled"
        s3._bucket_object_lock[name] = {"enabled": True, "default_retention": retention and with_numbers(retention)}
    return result


def with_numbers(retention):
    return {field: value if field == "Mode" else int(value) for field, value in retention.items()}
