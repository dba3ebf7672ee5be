// The server as it is: asks /stats once a second and draws the last five minutes.

const SECONDS = 300;
const LEAST_SECONDS = 60; // shown of a page that was just opened
const WINDOW = 30; // of latencies, in seconds
const RATE = 3; // of tokens per second, in seconds
const REFUSALS = { 401: "an API key is asked for", 503: "loading the model…" };
const $ = (id) => document.getElementById(id);

/** What was asked, oldest first; null where the page was not looking. */
const samples = [];
const charts = {};
let failures = 0;

// ---- theme ------------------------------------------------------------------------------------

const system = matchMedia("(prefers-color-scheme: dark)");
const chosen = () => localStorage.getItem("theme");

const isDark = () => (chosen() ?? (system.matches ? "dark" : "light")) === "dark";

function paint() {
  if (chosen() === null) {
    delete document.documentElement.dataset.theme; // the system's
  } else {
    document.documentElement.dataset.theme = chosen();
  }
  Object.values(charts).forEach(recolour);
}

$("theme-button").addEventListener("click", () => {
  const dark = !isDark();
  if (dark === system.matches) {
    localStorage.removeItem("theme");
  } else {
    localStorage.setItem("theme", dark ? "dark" : "light");
  }
  paint();
});
system.addEventListener("change", paint);

/** What a variable of the style sheet comes to in the present theme: `rgb(1, 2, 3)`. */
function colour(name) {
  const probe = $("health");
  probe.style.color = `var(${name})`;
  const resolved = getComputedStyle(probe).color;
  probe.style.color = "";
  return resolved;
}

// ---- charts -----------------------------------------------------------------------------------

/** @param lines from a sample to a number or null, each with the name of its colour */
function chart(id, lines, options) {
  const datasets = lines.map(({ label, tint, stack, fill }) => ({
    label,
    tint,
    data: [],
    borderWidth: 1.75,
    pointRadius: 0,
    pointHitRadius: 8,
    tension: 0.25,
    fill: fill ?? "origin",
    stack,
    spanGaps: false,
  }));
  const made = new Chart($(id), {
    type: "line",
    data: { datasets },
    options: {
      animation: false,
      maintainAspectRatio: false,
      parsing: false,
      normalized: true,
      interaction: { mode: "nearest", axis: "x", intersect: false },
      scales: {
        x: {
          type: "linear",
          min: -SECONDS,
          max: 0,
          grid: { display: false },
          ticks: {
            stepSize: 15,
            autoSkipPadding: 24,
            maxRotation: 0,
            callback: (x) => (x === 0 ? "now" : x % 60 === 0 ? `${x / 60} min` : `${x} s`),
          },
        },
        y: {
          beginAtZero: true,
          stacked: options.stacked ?? false,
          suggestedMax: options.least,
          ticks: { maxTicksLimit: 4, callback: (y) => options.unit(y) },
          afterFit: (scale) => (scale.width = 54), // so that all charts share one time axis
        },
      },
      plugins: {
        legend: { display: false },
        tooltip: {
          displayColors: true,
          boxPadding: 4,
          callbacks: {
            title: (items) => (items.length ? `${Math.round(-items[0].parsed.x)} s ago` : ""),
            label: (item) => ` ${item.dataset.label}: ${options.unit(item.raw.own ?? item.raw.y)}`,
          },
        },
      },
    },
  });
  made.lines = lines;
  charts[id] = made;
  recolour(made);
}

function recolour(made) {
  const muted = colour("--muted");
  for (const dataset of made.data.datasets) {
    const tint = colour(dataset.tint);
    dataset.borderColor = tint;
    dataset.backgroundColor = tint.replace("rgb(", "rgba(").replace(")", ", 0.14)");
  }
  for (const scale of Object.values(made.options.scales)) {
    scale.ticks.color = muted;
    scale.ticks.font = { size: 11 };
    scale.border = { display: false };
  }
  made.options.scales.y.grid = { color: colour("--line"), drawTicks: false };
  made.update("none");
}

function draw(made, now) {
  const age = (now - samples[0].at) / 1000;
  made.options.scales.x.min = -Math.min(SECONDS, Math.max(LEAST_SECONDS, Math.ceil(age / 15) * 15));
  made.lines.forEach((line, i) => {
    made.data.datasets[i].data = samples.map((sample) => {
      const y = sample.gone ? null : line.of(sample);
      return { x: (sample.at - now) / 1000, y: y ?? NaN };
    });
  });
  made.update("none");
}

const count = (n) => (n >= 10_000 ? `${(n / 1000).toFixed(0)}k` : `${Math.round(n * 10) / 10}`);
const percent = (n) => `${Math.round(n * 10) / 10} %`;
const time = (s) =>
  s === 0 ? "0" : s < 0.01 ? `${(s * 1000).toFixed(1)} ms` : s < 1 ? `${Math.round(s * 1000)} ms` : `${s.toFixed(s < 10 ? 2 : 0)} s`;

function makeCharts() {
  chart("chart-tokens", [{ label: "generated", tint: "--accent", of: (s) => s.rate }], {
    unit: count,
    least: 10,
  });
  chart(
    "chart-sequences",
    [
      { label: "in the batch", tint: "--accent", of: (s) => s.stats.sequences.running },
      { label: "waiting", tint: "--second", of: (s) => s.stats.sequences.waiting, fill: false },
    ],
    { unit: count, least: 4 },
  );
  chart(
    "chart-first",
    [
      { label: "median", tint: "--accent", of: (s) => s.first?.[0] },
      { label: "95th percentile", tint: "--second", of: (s) => s.first?.[1], fill: false },
    ],
    { unit: time, least: 0.02 },
  );
  chart(
    "chart-kv",
    [
      { label: "in use", tint: "--accent", of: (s) => s.used, stack: "kv" },
      { label: "cached", tint: "--second", of: (s) => s.cached, stack: "kv", fill: "-1" },
    ],
    { unit: percent, least: 20, stacked: true },
  );
}

// ---- figures ----------------------------------------------------------------------------------

/** The last sample that is at least `seconds` old, or the oldest. */
function before(now, seconds) {
  const recent = samples.filter((sample) => !sample.gone);
  return recent.findLast((sample) => now - sample.at >= seconds * 1000) ?? recent[0];
}

/** Of what was counted between two readings: [half, 95 %], or null where nothing was. */
function quantiles(from, to) {
  const counts = to.counts.map((n, i) => n - from.counts[i]);
  const all = counts.reduce((a, b) => a + b, 0);
  if (all === 0) {
    return null;
  }
  return [0.5, 0.95].map((share) => {
    let left = share * all;
    for (let i = 0; i < counts.length; i++) {
      if (counts[i] >= left && counts[i] > 0) {
        const low = i === 0 ? 0 : to.bounds[i - 1];
        const high = to.bounds[i] ?? low;
        return low + (high - low) * (left / counts[i]);
      }
      left -= counts[i];
    }
    return to.bounds.at(-1);
  });
}

function take(stats, at) {
  const sample = { at, stats };
  const early = before(at, RATE)?.stats;
  const restarted = early && early.totals.generated_tokens > stats.totals.generated_tokens;
  if (restarted) {
    samples.length = 0;
  }
  const from = before(at, RATE);
  if (from && !restarted) {
    sample.rate =
      ((stats.totals.generated_tokens - from.stats.totals.generated_tokens) * 1000) / (at - from.at);
    sample.first = quantiles(before(at, WINDOW).stats.time_to_first_token, stats.time_to_first_token);
  }
  sample.used = (100 * stats.kv.in_use) / stats.kv.blocks;
  sample.cached = (100 * stats.kv.cached) / stats.kv.blocks;
  samples.push(sample);
  return sample;
}

function say(id, text) {
  if ($(id).textContent !== text) {
    $(id).textContent = text;
  }
}

function tell(sample) {
  const { stats } = sample;
  say("model", stats.model);
  say("context", `${stats.max_context.toLocaleString("en")} tokens of context`);
  say("now-tokens", sample.rate === undefined ? "–" : count(sample.rate));
  say("now-running", count(stats.sequences.running));
  say("now-waiting", count(stats.sequences.waiting));
  say("now-first", sample.first ? time(sample.first[0]) : "–");
  say("now-first-95", sample.first ? time(sample.first[1]) : "–");
  say("now-kv", percent(sample.used));
  say("now-cached", percent(sample.cached));
  const { totals } = stats;
  say(
    "totals",
    `Since the start: ${totals.sequences.toLocaleString("en")} sequences, ` +
      `${totals.prompt_tokens.toLocaleString("en")} prompt tokens, ` +
      `${totals.generated_tokens.toLocaleString("en")} generated`,
  );
  health(stats.healthy ? "good" : "bad", stats.healthy ? "The engine works" : stats.problem);
}

function health(state, why) {
  $("health").dataset.state = state;
  $("health").title = why;
}

/** As the playground sends it. */
function authorization() {
  const key = sessionStorage.getItem("api-key");
  return key ? { Authorization: `Bearer ${key}` } : {};
}

// ---- the loop ---------------------------------------------------------------------------------

async function look() {
  const at = performance.now();
  try {
    const answer = await fetch("stats", {
      headers: authorization(),
      cache: "no-store",
      signal: AbortSignal.timeout(5000),
    });
    if (!answer.ok) {
      throw new Error(REFUSALS[answer.status] ?? `HTTP ${answer.status}`);
    }
    tell(take(await answer.json(), at));
    failures = 0;
  } catch (problem) {
    failures++;
    health("bad", `No answer: ${problem.message}`);
    if (samples.length === 0) {
      say("model", Object.values(REFUSALS).includes(problem.message) ? problem.message : "no answer");
    }
    samples.push({ at, gone: true });
  }
  const first = samples.findIndex((sample) => at - sample.at <= SECONDS * 1000);
  samples.splice(0, Math.max(0, first));
  Object.values(charts).forEach((made) => draw(made, at));
}

async function run() {
  if (!document.hidden) {
    await look();
  } else if (samples.length > 0 && !samples.at(-1).gone) {
    samples.push({ at: performance.now(), gone: true });
  }
  setTimeout(run, failures > 3 ? 3000 : 1000);
}

paint();
makeCharts();
run();
