// The playground: one request at a time, streamed, with what the server says about mistakes.

const $ = (id) => document.getElementById(id);
const KEY = "api-key";

/** What was said in the chat so far, as the endpoint wants it. */
const talk = [];
let mode = "completion";
let abort = null;

// ---- tabs and key -----------------------------------------------------------------------------

const tabs = [$("tab-completion"), $("tab-chat")];

function show(tab) {
  for (const each of tabs) {
    const selected = each === tab;
    each.setAttribute("aria-selected", String(selected));
    each.tabIndex = selected ? 0 : -1;
    $(each.getAttribute("aria-controls")).hidden = !selected;
  }
  mode = tab.id === "tab-chat" ? "chat" : "completion";
  $("go").textContent = mode === "chat" ? "Send" : "Generate";
  problem(null);
  figures("");
}

tabs.forEach((tab, i) => {
  tab.addEventListener("click", () => abort === null && show(tab));
  tab.addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      const next = tabs[(i + 1) % tabs.length];
      next.focus();
      next.click();
    }
  });
});

function keyPanel(open) {
  $("key-panel").hidden = !open;
  $("key-button").setAttribute("aria-expanded", String(open));
  if (open) {
    $("key").value = sessionStorage.getItem(KEY) ?? "";
    $("key").focus();
  }
}

$("key-button").addEventListener("click", () => keyPanel($("key-panel").hidden));
$("key-panel").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = $("key").value.trim();
  if (key) {
    sessionStorage.setItem(KEY, key);
  } else {
    sessionStorage.removeItem(KEY);
  }
  problem(null);
  keyPanel(false);
  $("key-button").focus();
});

function headers() {
  const key = sessionStorage.getItem(KEY);
  return {
    "Content-Type": "application/json",
    ...(key ? { Authorization: `Bearer ${key}` } : {}),
  };
}

// ---- what is shown ----------------------------------------------------------------------------

function problem(error, status) {
  const box = $("problem");
  box.hidden = error === null;
  box.replaceChildren();
  if (error === null) {
    return;
  }
  const title = document.createElement("strong");
  title.textContent = error.message;
  box.append(title);
  const facts = [
    status && `HTTP ${status}`,
    error.type,
    error.code,
    error.param && `field ${error.param}`,
  ].filter(Boolean);
  if (facts.length > 0) {
    const code = document.createElement("code");
    code.textContent = facts.join(" · ");
    box.append(code);
  }
  if (status === 401) {
    keyPanel(true);
  }
}

/** @param text with numbers between asterisks */
function figures(text) {
  $("figures").replaceChildren(
    ...text.split("*").map((part, i) => {
      const node = document.createElement(i % 2 ? "b" : "span");
      node.textContent = part;
      return node;
    }),
  );
}

function span(className, text) {
  const node = document.createElement("span");
  node.className = className;
  node.textContent = text;
  return node;
}

/** Follows the end of a text unless its reader has scrolled away from it. */
function follow(box, change) {
  const near = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  const changed = change();
  if (near) {
    box.scrollTop = box.scrollHeight;
  }
  return changed;
}

// ---- requests ---------------------------------------------------------------------------------

function number(id) {
  const value = $(id).value.trim();
  return value === "" ? undefined : Number(value);
}

function parameters() {
  return {
    max_tokens: number("max_tokens"),
    temperature: number("temperature"),
    top_p: number("top_p"),
    top_k: number("top_k"),
    seed: number("seed"),
    stop: $("stop_text").value === "" ? undefined : $("stop_text").value.replaceAll("\\n", "\n"),
    stream: true,
    stream_options: { include_usage: true },
  };
}

/** The events of an answer, each as parsed JSON. Throws what the server says went wrong. */
async function* events(path, body, signal) {
  const answer = await fetch(path, {
    method: "POST",
    headers: headers(),
    body: JSON.stringify(body),
    signal,
  });
  if (!answer.ok) {
    const text = await answer.text();
    let error;
    try {
      error = JSON.parse(text).error;
    } catch {
      error = undefined; // a proxy's page, not ours
    }
    throw Object.assign(new Error("refused"), {
      status: answer.status,
      error: error ?? { message: text.slice(0, 300) || answer.statusText },
    });
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      throw Object.assign(new Error("broken"), {
        error: { message: "The connection broke before the answer was complete." },
      });
    }
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line === "data: [DONE]") {
        return;
      }
      if (line.startsWith("data: ")) {
        const event = JSON.parse(line.slice(6));
        if (event.error) {
          throw Object.assign(new Error("failed"), { error: event.error });
        }
        yield event;
      }
    }
  }
}

/**
 * Runs one request and shows how it goes.
 *
 * @param onChoice shows what an event has; says whether it had anything
 */
async function generate(path, body, box, onChoice) {
  abort = new AbortController();
  busy(true);
  problem(null);
  figures("waiting for the first token…");
  const watch = { sent: performance.now(), first: null, last: null, tokens: 0, reason: null };
  try {
    for await (const event of events(path, body, abort.signal)) {
      const choice = event.choices?.[0];
      if (choice) {
        if (choice.finish_reason) {
          watch.reason = choice.finish_reason;
        }
        if (follow(box, () => onChoice(choice))) {
          watch.last = performance.now();
          watch.first ??= watch.last;
          watch.tokens += choice.token_ids?.length ?? 1;
        }
      }
      if (event.usage) {
        watch.tokens = event.usage.completion_tokens;
      }
      figures(summary(watch));
    }
  } catch (failure) {
    if (failure.name === "AbortError") {
      watch.reason = "stopped";
    } else {
      problem(failure.error ?? { message: `The server does not answer: ${failure.message}` }, failure.status);
    }
  } finally {
    abort = null;
    busy(false);
    figures(summary(watch));
    $("said").textContent = watch.first ? `Done: ${summary(watch).replaceAll("*", "")}` : "";
  }
}

function summary({ sent, first, last, tokens, reason }) {
  if (first === null) {
    return reason === null ? "" : reason;
  }
  const seconds = (last - first) / 1000;
  const parts = [`*${tokens}* tokens`];
  if (tokens > 1 && seconds > 0) {
    const rate = (tokens - 1) / seconds;
    parts.push(`*${rate < 10 ? rate.toFixed(1) : Math.round(rate)}* tokens/s`);
  }
  parts.push(`first after *${Math.round(first - sent)}* ms`);
  if (reason) {
    parts.push(reason === "length" ? "ended at max tokens" : reason === "stop" ? "ended by itself" : reason);
  }
  return parts.join(" · ");
}

function busy(running) {
  $("go").disabled = running;
  $("stop").disabled = !running;
  tabs.forEach((tab) => (tab.disabled = running));
  $(mode === "chat" ? "talk" : "text").setAttribute("aria-busy", String(running));
  if (!running) {
    document.querySelectorAll(".fresh").forEach((node) => node.classList.remove("fresh"));
  }
}

async function complete() {
  const prompt = $("prompt").value;
  const text = span("fresh", "");
  const box = $("text");
  box.replaceChildren(span("prompt", prompt), text);
  box.scrollTop = box.scrollHeight;
  await generate("v1/completions", { prompt, return_token_ids: true, ...parameters() }, box, (choice) => {
    text.append(choice.text ?? "");
    return Boolean(choice.text) || (choice.token_ids?.length ?? 0) > 0;
  });
}

async function chat() {
  const content = $("message").value.trim();
  if (content === "") {
    $("message").focus();
    return;
  }
  const box = $("talk");
  box.querySelector(".empty")?.remove();
  const asked = span("said user", content);
  const said = span("said assistant fresh", "");
  const thought = span("thought", "");
  const text = span("", "");
  said.append(text);
  box.append(asked, said);
  box.scrollTop = box.scrollHeight;
  $("message").value = "";
  const system = $("system").value.trim();
  const messages = [
    ...(system ? [{ role: "system", content: system }] : []),
    ...talk,
    { role: "user", content },
  ];
  await generate("v1/chat/completions", { messages, ...parameters() }, box, ({ delta }) => {
    const thinking = delta?.reasoning_content ?? delta?.reasoning;
    if (thinking) {
      if (!thought.isConnected) {
        said.prepend(thought);
      }
      thought.append(thinking);
    }
    text.append(delta?.content ?? "");
    return Boolean(delta?.content) || Boolean(thinking);
  });
  if (text.textContent === "" && thought.textContent === "") {
    asked.remove(); // nothing came of it: it can be changed and sent again
    said.remove();
    if (talk.length === 0) {
      box.replaceChildren(span("empty", "Say something."));
    }
    $("message").value = content;
  } else {
    talk.push({ role: "user", content }, { role: "assistant", content: text.textContent });
  }
}

function go() {
  if (abort !== null) {
    return;
  }
  if (mode === "chat") {
    chat();
  } else {
    complete();
  }
}

function clear() {
  problem(null);
  figures("");
  if (mode === "chat") {
    talk.length = 0;
    $("talk").replaceChildren(span("empty", "Say something."));
  } else {
    $("text").replaceChildren(span("empty", "The text goes on here."));
  }
}

$("go").addEventListener("click", go);
$("stop").addEventListener("click", () => abort?.abort());
$("clear").addEventListener("click", () => abort === null && clear());
$("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    go();
  }
});
$("message").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    go();
  }
});
