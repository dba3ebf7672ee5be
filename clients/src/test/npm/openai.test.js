// OpenAI's official client for JavaScript against a server that runs: `node --test`.
import assert from "node:assert/strict";
import test from "node:test";
import OpenAI from "openai";

const baseURL = process.env.DEJAVU_URL;
const apiKey = process.env.DEJAVU_KEY;
const model = process.env.DEJAVU_MODEL;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 50_000 });
const messages = [{ role: "user", content: "Who art thou?" }];
const chat = { model, messages, max_completion_tokens: 24, seed: 7 };

test("a completion with the same seed is the same", async () => {
  const request = { model, prompt: "ROMEO:\n", max_tokens: 24, seed: 7, logprobs: 2 };
  const one = await client.completions.create(request);
  const two = await client.completions.create(request);
  assert.equal(one.choices[0].text, two.choices[0].text);
  assert.equal(one.choices[0].logprobs.token_logprobs.length, one.usage.completion_tokens);
});

test("a streamed chat is the whole answer in pieces", async () => {
  const whole = await client.chat.completions.create(chat);
  const stream = await client.chat.completions.create({
    ...chat,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let usage;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
});

test("an answer follows its schema", async () => {
  const schema = {
    type: "object",
    properties: { house: { enum: ["Montague", "Capulet"] } },
    required: ["house"],
    additionalProperties: false,
  };
  const answer = await client.chat.completions.create({
    ...chat,
    max_completion_tokens: 100,
    response_format: { type: "json_schema", json_schema: { name: "person", strict: true, schema } },
  });
  assert.match(JSON.parse(answer.choices[0].message.content).house, /^(Montague|Capulet)$/);
});

test("a tool that must be called is called, in a stream too", async () => {
  const parameters = {
    type: "object",
    properties: { day: { enum: ["today", "tomorrow"] } },
    required: ["day"],
  };
  const stream = client.chat.completions.stream({
    ...chat,
    max_completion_tokens: 200,
    tools: [{ type: "function", function: { name: "weather", parameters } }],
    tool_choice: "required",
    parallel_tool_calls: false,
  });
  const [choice] = (await stream.finalChatCompletion()).choices;
  assert.equal(choice.finish_reason, "tool_calls");
  assert.equal(choice.message.tool_calls[0].function.name, "weather");
  assert.match(JSON.parse(choice.message.tool_calls[0].function.arguments).day, /^to/);
});

test("a stream that is left does not hold the server", async () => {
  const stream = await client.chat.completions.create({
    ...chat,
    max_completion_tokens: 900,
    stream: true,
  });
  for await (const chunk of stream) {
    assert.ok(chunk.id);
    break; // aborts the request
  }
  assert.equal((await client.models.list()).data[0].id, model);
});

test("mistakes are the client's own errors", async () => {
  const stranger = new OpenAI({ baseURL, apiKey: "sk-wrong", maxRetries: 0 });
  await assert.rejects(stranger.chat.completions.create(chat), OpenAI.AuthenticationError);
  await assert.rejects(
    client.chat.completions.create({ ...chat, model: "hamlet" }),
    OpenAI.NotFoundError,
  );
  await assert.rejects(
    client.chat.completions.create({ ...chat, temperature: -1 }),
    (e) => e instanceof OpenAI.BadRequestError && e.param === "temperature",
  );
});
