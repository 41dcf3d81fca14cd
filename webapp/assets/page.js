"use strict";

const form = document.querySelector("form");
const result = document.querySelector("#result");
const inputs = [...form.querySelectorAll("[data-name]")];
const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const IN_JSON = { null: "null", true: "true", false: "false" };
const IN_PYTHON = { null: "None", true: "True", false: "False" };

function fieldOf(input) {
  return input.closest(".field");
}

// The box of a cell that may be missing.
function unknownOf(input) {
  return fieldOf(input).querySelector(".unknown input");
}

function isUnknown(input) {
  return unknownOf(input)?.checked ?? false;
}

// A number goes to the server as it was typed, digit by digit; what is no number goes as a string, for the server to say so.
function numberLiteral(text) {
  if (JSON_NUMBER.test(text)) return text;
  return text !== "" && Number.isFinite(Number(text)) ? String(Number(text)) : JSON.stringify(text);
}

function literal(input, words) {
  if (isUnknown(input)) return words.null;
  if (input.dataset.kind === "boolean") return words[input.checked];
  if (input.dataset.number !== undefined) return numberLiteral(input.value.trim());
  return JSON.stringify(input.value);
}

// What the server could not point at: a key that is missing, a number that its JSON parser refuses.
function unsendable(input) {
  const { kind, number } = input.dataset;
  if (isUnknown(input) || kind === "boolean") return "";
  const text = input.value.trim();
  const instead = unknownOf(input) ? ", or tick unknown" : "";
  if (text === "" && kind === "date") return `give a date${instead}`;
  if (number === undefined) return "";
  if (text === "") return `give a number${instead}`;
  return Math.abs(Number(text)) === Infinity ? "is too large for a number" : "";
}

// Written by hand: an object of JavaScript would reorder names that look like numbers and round long numbers.
function row(words) {
  const members = inputs.map((input) => `${JSON.stringify(input.dataset.name)}: ${literal(input, words)}`);
  return `{${members.join(", ")}}`;
}

function showSnippets() {
  const texts = {
    shell: row(IN_JSON).replaceAll("'", String.raw`'\''`),
    python: row(IN_PYTHON),
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

function isOutside(input) {
  const { kind, minimum, maximum } = input.dataset;
  const text = kind === "date" ? input.value.slice(0, 10) : input.value.trim();
  if (text === "" || isUnknown(input)) return false;
  if (kind === "category") return ![...input.list.options].some((option) => option.value === text);
  if (minimum === undefined) return false;
  if (kind === "date") return text < minimum.slice(0, 10) || text > maximum.slice(0, 10);
  return Number(text) < Number(minimum) || Number(text) > Number(maximum);
}

// Shows what follows from a cell's state: a warning, whether it can be filled in, what a box says.
function judge(input) {
  const unseen = input.dataset.kind === "category" ? "not seen in training" : "outside the range seen in training";
  say(input, isOutside(input) ? unseen : "", false);
  input.disabled = isUnknown(input);
  const state = fieldOf(input).querySelector(".state");
  if (state) state.textContent = String(input.checked);
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

function isObject(value) {
  return typeof value === "object" && value !== null;
}

// A score is a number, or one for each class.
function scoreLine(score) {
  const parts = isObject(score) ? Object.entries(score).map(([label, value]) => `${label} ${value}`) : [score];
  return element("p", `score: ${parts.join(", ")}`, "score");
}

// What is known of one target: its prediction, and the probabilities or the score of it.
function shownTarget(target, prediction, chances, score) {
  const line = element("p", ` ${prediction}`, "prediction");
  line.prepend(element("span", target));
  const shown = [line];
  if (chances !== undefined) shown.push(bars(chances));
  if (score !== undefined) shown.push(scoreLine(score));
  return shown;
}

function showAnswer({ prediction, probabilities, scores }) {
  if (!isObject(prediction)) {
    return result.replaceChildren(...shownTarget(form.dataset.target, prediction, probabilities, scores));
  }
  const targets = Object.entries(prediction);
  const shown = targets.flatMap(([name, value]) => shownTarget(name, value, probabilities?.[name], scores?.[name]));
  return result.replaceChildren(...shown);
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
    const detail = unsendable(input);
    return detail ? [{ pointer: input.dataset.pointer, detail }] : [];
  });
  if (errors.length > 0) return showProblem({ detail: "every feature needs a value", errors });
  const body = `{"features": ${row(IN_JSON)}${form.dataset.detail ? `, "${form.dataset.detail}": true` : ""}}`;
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
  const input = fieldOf(event.target)?.querySelector("[data-name]");
  if (!input) return;
  judge(input);
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

function fill(input, text) {
  const unknown = unknownOf(input);
  if (unknown) unknown.checked = text === "";
  if (input.dataset.kind === "boolean") input.checked = /^(true|yes|1)$/i.test(text);
  else input.value = text;
  judge(input);
}

form.addEventListener("paste", (event) => {
  const text = event.clipboardData.getData("text").replace(/[\r\n]+$/, ""); // a first cell may be empty
  // What stands between words is no separator where words are pasted.
  const prose = ["text", "category"].includes(event.target.dataset.kind);
  const cells = text.split(text.includes("\t") ? /\t|\r?\n/ : prose ? /$^/ : /[,;]|\r?\n/);
  const first = inputs.indexOf(event.target);
  if (first < 0 || cells.length < 2) return;
  event.preventDefault();
  inputs.slice(first, first + cells.length).forEach((input, index) => fill(input, cells[index].trim()));
  showSnippets();
});

const find = document.querySelector("#find");
find?.addEventListener("input", () => {
  const wanted = find.value.toLowerCase();
  for (const input of inputs) fieldOf(input).hidden = !input.dataset.name.toLowerCase().includes(wanted);
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
