"""boto3's events, used as its documentation shows. Its clients are botocore's, which has types."""

from typing import Any

from botocore.config import Config
from botocore.session import Session

from ..load.answers import BEDROCK


class BedrockReader:
    """``converse_stream``. It blocks: many at once would need a thread each."""

    def __init__(self, url: str) -> None:
        # botocore generates the client's methods at run time, from the service model.
        self._client: Any = Session().create_client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=url,
            aws_access_key_id="none",
            aws_secret_access_key="needed",
            config=Config(retries={"total_max_attempts": 1}),
        )

    async def read(self, deltas: int) -> int:
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
        self._client.close()
