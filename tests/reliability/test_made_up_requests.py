"""Requests made up from the OpenAPI document: whatever comes in, the service does not fail."""

import pytest
from hypothesis import HealthCheck, given, settings

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")


# How schemathesis draws is its own business.
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")
def test_no_made_up_request_makes_the_service_fail(http_service, tries, tally):
    from schemathesis import GenerationMode
    from schemathesis.checks import CHECKS, load_all_checks

    load_all_checks()
    names = ("not_a_server_error", "status_code_conformance", "response_schema_conformance", "content_type_conformance")
    checks = CHECKS.get_by_names(list(names))
    client = http_service()

    async def started(scope, receive, send):
        # The client has started the service already.
        if scope["type"] == "http":
            await client.app(scope, receive, send)

    document = schemathesis.openapi.from_asgi("/openapi.json", started)
    answers = {}

    def examine(operation, mode):
        @settings(max_examples=tries(12, 400), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def answer(case):
            reply = case.call()
            case.validate_response(reply, checks=checks)
            answers.setdefault(operation.path, set()).add(reply.status_code)
            count.add(None)

        answer()

    with tally("made-up requests, answered as the document says") as count:
        for found in document.get_all_operations():
            operation = found.ok()
            for mode in list(GenerationMode) if operation.body else [GenerationMode.POSITIVE]:
                examine(operation, mode)
    assert set(answers) == set(client.get("/openapi.json").json()["paths"])
    # What is well-formed is answered, what is not is refused: both happened.
    assert {200, 422} <= answers["/v1/score"]
