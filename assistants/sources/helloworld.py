"""Hello world: the smallest source there is, to learn from. It takes {"say": "…"} with an ingest key.

curl https://HOST/sources/helloworld/<environment>/<ingest key> --data '{"say": "Hello", "conversation": "c-1"}'
"""

from assistants.faults import Refused
from assistants.sources.adapter import Fact, Kind, Reading, Request, Setup, Source
from assistants.sources.canonical import digest
from assistants.sources.pieces import value_of


class HelloWorld(Source):
    """What a source says of itself is data; what it does is `read`, a pure function."""

    kind = "helloworld"
    title = "Hello world"
    description = "The smallest source there is. It teaches how a source is made; see CONTRIBUTING.md."
    proof = "Tested with what its page shows."
    needs_key = True

    def read(self, request: Request, setup: Setup) -> Reading:
        """Read the one thing that was said. That the key is right was looked at before."""
        said = value_of(request.body)
        if not isinstance(said, dict) or not isinstance(said.get("say"), str):
            # Kept for inspection, and answered 200: sending it again would not make it better.
            return Reading(refused=[(Refused("nothing_said", "There is no text “say” in the body."), request.body)])
        fact = Fact(
            kind=Kind.MESSAGE_IN,
            # The same whenever the same is sent again, so that a repeat changes nothing.
            source_id=str(said.get("id") or digest(said)),
            conversation_id=str(said.get("conversation") or "hello"),
            at=request.received_at.isoformat(timespec="milliseconds"),
            user_id=str(said.get("user") or ""),
            text=said["say"],
        )
        return Reading(facts=[fact])
