"""The official client of Slack, pointed at the stand-in; and the signature that it checks."""

import sys

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier

base_url, token, secret, body, timestamp = sys.argv[1:]
client = WebClient(token=token, base_url=base_url + "/")
who = client.auth_test()
print("team:", who["team_id"], who["ok"])
posted = client.chat_postMessage(channel="C1", thread_ts="1.2", text="Hello")
print("posted:", posted["ok"], posted["channel"])
try:
    WebClient(token="xoxb-wrong", base_url=base_url + "/").auth_test()
except SlackApiError as error:
    print("refused:", error.response["error"])
print("signature:", SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body))
