"""boto3's events, as its documents show: its clients are botocore's, which has types."""

from typing import Any

from botocore.config import Config
from botocore.session import Session

from ..load.answers import BEDROCK


class BedrockObjects:
    """``converse_stream``. It blocks: many at once would need a thread each."""

    def __init__(self, url: str) -> None:
        # Its methods are made at run time, from the service model.
        self._client: Any = Session().create_client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=url,
            aws_access_key_id="none",
            aws_secret_access_key="needed",
            config=Config(retries={"total_max_attempts": 1}),
        )

    async def read(self, deltas: int) -> int:
        """Ask for an answer of so many text deltas; how many came."""
        seen = 0
        answer = self._client.converse_stream(
            modelId=BEDROCK.model,
            messages=[{"role": "user", "content": [{"text": "Hi"}]}],
            inferenceConfig={"maxTokens": deltas},
        )
        for event in answer["stream"]:
            if "contentBlockDelta" in event and event["contentBlockDelta"]["delta"].get("text"):
                seen += 1
        return seen

    async def aclose(self) -> None:
        """Give the sockets back."""
        self._client.close()
