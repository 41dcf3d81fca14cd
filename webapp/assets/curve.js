"use strict";

// How the prediction moves as the one value that has the focus runs through its training range: one batch request.
{
  const STEPS = 25;
  const WIDTH = 320;
  const HEIGHT = 96;
  const figure = document.querySelector("#curve");
  let asked = 0; // only the latest question's answer is shown

  const svg = (tag, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };

  // The values to try, as they stand in JSON.
  function steps(input) {
    const { kind, number, minimum, maximum } = input.dataset;
    if (kind === "boolean") return ["false", "true"];
    if (kind === "category") return [...input.list.options].slice(0, STEPS).map(({ value }) => (number === undefined ? JSON.stringify(value) : value));
    const [low, high] = [Number(minimum), Number(maximum)];
    if (kind !== "number" || !(low < high)) return [];
    return Array.from({ length: STEPS }, (_, step) => String(low + ((high - low) * step) / (STEPS - 1)));
  }

  function rowWith(changed, cell) {
    return `[${inputs.map((input) => (input === changed ? cell : literal(input, IN_JSON))).join(",")}]`;
  }

  // The series to draw: the prediction, or each class's probability; of many classes the three that reach highest.
  // Of several targets none, as each would want a curve of its own.
  function seriesOf({ predictions, probabilities }) {
    if (!probabilities) return predictions.every(Number.isFinite) ? [[form.dataset.target, predictions]] : [];
    const all = Object.keys(probabilities[0]).map((label) => [label, probabilities.map((row) => row[label])]);
    if (!all.every(([, found]) => found.every(Number.isFinite))) return [];
    return all.sort((a, b) => Math.max(...b[1]) - Math.max(...a[1])).slice(0, 3);
  }

  function draw(input, values, series) {
    const flat = series.flatMap(([, found]) => found);
    const [low, high] = [Math.min(...flat), Math.max(...flat)];
    const y = (value) => HEIGHT - 4 - ((HEIGHT - 8) * (value - low)) / (high - low || 1);
    const x = (step) => 4 + ((WIDTH - 8) * step) / (values.length - 1);
    const short = (value) => Number(value.toPrecision(4));
    const between = values.length > 1 ? `from ${JSON.parse(values[0])} to ${JSON.parse(values.at(-1))}` : "";
    const label = `${series.map(([name]) => name).join(", ")}: ${short(low)} to ${short(high)} as ${input.dataset.name} runs ${between}`;
    const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" }); // its caption says it
    series.forEach(([, found], place) => {
      const points = found.map((value, step) => `${x(step)},${y(value)}`).join(" ");
      picture.append(svg("polyline", { points, class: `line line${place}` }));
    });
    figure.replaceChildren(picture, element("figcaption", label, "hint"));
    figure.hidden = false;
  }

  async function show(input) {
    const mine = ++asked;
    const values = steps(input);
    figure.hidden = true;
    if (values.length < 2 || inputs.some(unsendable)) return;
    const rows = values.map((cell) => rowWith(input, cell)).join(",");
    const detail = form.dataset.detail === "probabilities" ? ', "probabilities": true' : "";
    const body = `{"instances": [${rows}]${detail}}`;
    try {
      const response = await fetch("predict", { method: "POST", headers: { "Content-Type": "application/json" }, body });
      if (!response.ok || mine !== asked) return;
      const series = seriesOf(await response.json());
      if (series.length > 0 && mine === asked) draw(input, values, series);
    } catch {
      // Without an answer there is no curve; the button says what is wrong.
    }
  }

  form.addEventListener("focusin", ({ target }) => {
    if (inputs.includes(target)) show(target);
  });
}
