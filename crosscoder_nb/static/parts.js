// What the feature view is made of: elements, texts and numbers as a reader sees them.

function h(tag, props = {}, ...children) {
  const el = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined) continue;
    if (key === "style") Object.assign(el.style, value);
    else if (key in el) el[key] = value;
    else el.setAttribute(key, value);
  }
  el.append(...children.filter((child) => child !== null && child !== undefined));
  return el;
}

// Text from a model or a data set stands apart, so that a right-to-left mark in it cannot reorder what is around it.
const apart = (text, className = "") => h("bdi", { className }, text);

const missing = (v) => v === null || v === undefined || Number.isNaN(v);

// A number in so many significant digits, short where it can be.
function number(v, digits = 3) {
  if (missing(v)) return "–";
  if (v === 0 || (Number.isInteger(v) && Math.abs(v) < 1e7)) return v.toLocaleString("en-US");
  const size = Math.abs(v);
  return size >= 1e-3 && size < 1e5 ? String(Number(v.toPrecision(digits))) : v.toExponential(Math.max(1, digits - 2));
}

// The fewest digits in which values that differ look different, so that a sorted page does not read "1" twelve times.
function digitsFor(values) {
  const known = [...new Set(values.filter((v) => !missing(v)))];
  for (let digits = 3; digits < 6; digits++)
    if (new Set(known.map((v) => number(v, digits))).size === known.length) return digits;
  return 6;
}

const percent = (v) => (missing(v) ? "–" : `${Number((100 * v).toPrecision(2))} %`);
const count = (v) => v.toLocaleString("en-US");
const clamp = (v, low, high) => Math.max(low, Math.min(high, v));

// The label of a column before its bracket, and what stands in the bracket.
const shortLabel = (column) => column.label.split(" (")[0];
const labelHint = (column) =>
  column.label
    .slice(shortLabel(column).length)
    .replace(/^ \(|\)$/g, "")
    .replace(/, /g, ",\n");
