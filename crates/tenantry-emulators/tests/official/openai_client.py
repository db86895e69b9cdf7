"""The official client of OpenAI, pointed at the stand-in: whole answers, pieces, tools, models, refusals."""

import sys

from openai import AuthenticationError, BadRequestError, OpenAI

base_url, key = sys.argv[1:]
client = OpenAI(base_url=base_url, api_key=key, max_retries=0)
messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
tool = {
    "type": "function",
    "function": {"name": "get_stock", "description": "Stock.", "parameters": {"type": "object", "properties": {}}},
}

whole = client.chat.completions.create(model="gpt-5-mini", messages=messages)
print("whole:", whole.choices[0].message.content, whole.choices[0].finish_reason, whole.usage.total_tokens)

stream = client.chat.completions.create(
    model="gpt-5-mini", messages=messages, stream=True, stream_options={"include_usage": True}
)
text, tokens = "", None
for chunk in stream:
    text += chunk.choices[0].delta.content or "" if chunk.choices else ""
    tokens = chunk.usage.total_tokens if chunk.usage else tokens
print("pieces:", text, tokens)

asked = [{"role": "user", "content": "How much rye?"}]
call = client.chat.completions.create(model="gpt-5-mini", messages=asked, tools=[tool]).choices[0].message
print("call:", call.tool_calls[0].function.name, call.tool_calls[0].function.arguments)
asked += [call, {"role": "tool", "tool_call_id": call.tool_calls[0].id, "content": "3 kg"}]
print("result:", client.chat.completions.create(model="gpt-5-mini", messages=asked, tools=[tool]).choices[0].message.content)

name = arguments = ""
for chunk in client.chat.completions.create(model="gpt-5-mini", messages=asked[:1], tools=[tool], stream=True):
    for piece in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
        name += piece.function.name or ""
        arguments += piece.function.arguments or ""
print("call in pieces:", name, arguments)

print("models:", "gpt-5-mini" in [model.id for model in client.models.list()])
try:
    OpenAI(base_url=base_url, api_key="sk-wrong", max_retries=0).models.list()
except AuthenticationError as error:
    print("refused:", error.status_code, error.code)
try:
    client.chat.completions.create(model="gpt-5-mini", messages=[])
except BadRequestError as error:
    print("refused:", error.status_code)
