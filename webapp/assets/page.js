"use strict";

const form = document.querySelector("form");
const result = document.querySelector("#result");
const inputs = [...form.querySelectorAll("input[data-name]")];
const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

// A number goes to the server as it was typed, digit by digit; what is no number goes as a string, for the server to say so.
function literal(text) {
  if (JSON_NUMBER.test(text)) return text;
  return text !== "" && Number.isFinite(Number(text)) ? String(Number(text)) : JSON.stringify(text);
}

// What the server could not point at: a key that is missing, a number that its JSON parser refuses.
function unsendable(text) {
  if (text === "") return "give a number";
  return Math.abs(Number(text)) === Infinity ? "is too large for a number" : "";
}

// Written by hand: an object of JavaScript would reorder names that look like numbers and round long numbers.
function featuresJson() {
  const members = inputs.map((input) => `${JSON.stringify(input.dataset.name)}: ${literal(input.value.trim())}`);
  return `{${members.join(", ")}}`;
}

function showSnippets() {
  const features = featuresJson();
  const texts = {
    shell: features.replaceAll("'", String.raw`'\''`),
    python: features,
    origin: new URL(".", location.href).href,
  };
  for (const slot of document.querySelectorAll("[data-slot]")) slot.textContent = texts[slot.dataset.slot];
}

// error is what forbids a prediction; a value outside the range seen in training is only a warning.
function say(input, text, error) {
  const message = document.getElementById(input.id.replace("f", "m"));
  if (message.textContent !== text) message.textContent = text;
  message.className = error ? "message error" : "message warning";
  input.toggleAttribute("aria-invalid", error);
  if (error) input.setAttribute("aria-invalid", "true");
}

function judge(input) {
  const text = input.value.trim();
  const { minimum, maximum } = input.dataset;
  const outside = text !== "" && minimum !== undefined && (Number(text) < Number(minimum) || Number(text) > Number(maximum));
  say(input, outside ? "outside the range seen in training" : "", false);
}

function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

function percent(chance) {
  return `${(100 * chance).toFixed(1)} %`;
}

function bars(probabilities) {
  const list = element("ul", "", "bars");
  const ordered = Object.entries(probabilities).sort((a, b) => b[1] - a[1]);
  for (const [label, chance] of ordered) {
    const item = element("li", "");
    const bar = element("span", "", "bar");
    bar.setAttribute("aria-hidden", "true");
    bar.append(element("i", ""));
    bar.firstChild.style.width = percent(chance).replace(" ", "");
    item.append(element("span", label, "label"), bar, element("span", percent(chance), "chance"));
    list.append(item);
  }
  return list;
}

function showAnswer(answer) {
  const prediction = element("p", ` ${answer.prediction}`, "prediction");
  prediction.prepend(element("span", form.dataset.target));
  result.replaceChildren(prediction);
  if (answer.probabilities) result.append(bars(answer.probabilities));
}

function showProblem(problem) {
  const unplaced = [];
  for (const { pointer, detail } of problem.errors ?? []) {
    const culprits = inputs.filter((input) => input.dataset.pointer === pointer);
    for (const input of culprits) say(input, detail, true);
    if (culprits.length === 0) unplaced.push(detail);
  }
  const more = problem.more_errors ? [`and ${problem.more_errors} more`] : [];
  const text = [problem.detail, ...unplaced.filter((detail) => detail !== problem.detail), ...more].join("; ");
  result.replaceChildren(element("p", text, "error"));
  form.querySelector("[aria-invalid]")?.focus();
}

async function predict() {
  inputs.forEach(judge);
  const errors = inputs.flatMap((input) => {
    const detail = unsendable(input.value.trim());
    return detail ? [{ pointer: input.dataset.pointer, detail }] : [];
  });
  if (errors.length > 0) return showProblem({ detail: "every feature needs a number", errors });
  const body = `{"features": ${featuresJson()}, "probabilities": ${form.dataset.probabilities}}`;
  form.setAttribute("aria-busy", "true");
  try {
    const response = await fetch("predict", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const answer = await response.json();
    return response.ok ? showAnswer(answer) : showProblem(answer);
  } catch {
    return showProblem({ detail: "the server does not answer; try again" });
  } finally {
    form.removeAttribute("aria-busy");
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  predict();
});

form.addEventListener("input", (event) => {
  if (event.target.dataset.name === undefined) return;
  judge(event.target);
  showSnippets();
});

// A form's reset happens after its event.
form.addEventListener("reset", () =>
  setTimeout(() => {
    inputs.forEach(judge);
    result.replaceChildren();
    showSnippets();
    find?.dispatchEvent(new Event("input"));
  }),
);

form.addEventListener("paste", (event) => {
  const cells = event.clipboardData.getData("text").trim().split(/[\t,;\n]/);
  const first = inputs.indexOf(event.target);
  if (first < 0 || cells.length < 2) return;
  event.preventDefault();
  inputs.slice(first, first + cells.length).forEach((input, index) => {
    input.value = cells[index].trim();
    judge(input);
  });
  showSnippets();
});

const find = document.querySelector("#find");
find?.addEventListener("input", () => {
  const wanted = find.value.toLowerCase();
  for (const input of inputs) input.parentElement.hidden = !input.dataset.name.toLowerCase().includes(wanted);
});

for (const button of document.querySelectorAll("[data-copies]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
}

// A browser may keep what was typed over a reload.
inputs.forEach(judge);
showSnippets();
