"""Whether a URL that a person entered is one that events can be sent to: well-formed, allowed, and answering."""

import httpx

from integrations.egress import check_endpoint_url, guarded_client
from integrations.transport import EndpointRefusedError, deadline

# A person waits for it at a form.
PATIENCE_SECONDS = 5.0


def endpoint_problem(url: str, *, allow_private: bool) -> str | None:
    """Return what is wrong with a base URL, in words for the person who entered it, or None.

    Makes one GET request, which sends no event; any HTTP answer will do, since hosts like Segment's have no page there.
    """
    problem = check_endpoint_url(url, allow_private=allow_private)
    if problem:
        return problem
    host = httpx.URL(url).host
    try:
        with (
            guarded_client(allow_private=allow_private, timeout=PATIENCE_SECONDS) as client,
            deadline(PATIENCE_SECONDS),
            client.stream("GET", url),
        ):
            # That there is an answer is enough; nobody reads it.
            return None
    except EndpointRefusedError:
        return f"Sluice is not allowed to send to {host}."
    except httpx.TimeoutException:
        return f"{host} did not answer within {PATIENCE_SECONDS:g} seconds."
    except httpx.TransportError:
        return f"{host} cannot be reached. Check the name, the port and whether the server runs."
