"""What Schemathesis cannot know of the machine: which image there is, and what its engine would refuse.

A create with a command that does not exist, or more cores than the machine has, is refused by the engine and answered
with 502, as described. That is the engine's answer and not the daemon's, so right requests are kept away from it. A key
that another request has taken is refused as well, so each has its own.
"""

import os
import uuid

import schemathesis
from schemathesis import GenerationMode

IMAGE = os.environ["SD_CONFORMANCE_IMAGE"]


@schemathesis.hook
def before_call(context, case, kwargs):
    is_right = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    if not is_right or case.operation.path != "/v1/containers" or not isinstance(case.body, dict):
        return
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = uuid.uuid4().hex
    case.body["image"] = IMAGE
    for field in ("cmd", "cpus", "memory"):
        case.body.pop(field, None)
