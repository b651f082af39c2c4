// The feature view. One module, two hosts: anywidget calls `render` (columns come as traits, cards by message from the
// kernel), the report calls `openReport` (everything is in the page). Text enters the page as text nodes only, never as
// markup, so a token that looks like a tag is shown as it is. (The end tag of a script must not stand in this file: the
// report places it between script tags.)

const PAGE = 12;            // rows of the table
const AROUND = 12;          // tokens shown on each side of the peak before an example is opened
const KEPT_CARDS = 200;     // cards remembered by the widget

// ---- small parts ---------------------------------------------------------------------------------

function h(tag, props = {}, ...children) {
  const el = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key === "style") Object.assign(el.style, value);
    else if (key in el) el[key] = value;
    else el.setAttribute(key, value);
  }
  el.append(...children);
  return el;
}

function number(v) {
  if (v === null || Number.isNaN(v)) return "–";
  if (v === 0 || (Number.isInteger(v) && Math.abs(v) < 1e6)) return String(v);
  const size = Math.abs(v);
  return size >= 1e-3 && size < 1e5 ? String(Number(v.toPrecision(3))) : v.toExponential(1);
}

const percent = (v) => (v === null || Number.isNaN(v) ? "–" : `${Number((100 * v).toPrecision(2))} %`);
const count = (v) => v.toLocaleString("en-US");

// ---- the table's data ----------------------------------------------------------------------------

// Columns lie one after another as float32; a text column holds indices into its categories.
function makeTable({ rows, columns }, buffer) {
  const table = {};
  columns.forEach((column, i) => { table[column.name] = { ...column, values: new Float32Array(buffer, 4 * i * rows, rows) }; });
  return table;
}

const shown = (column, row) =>
  column.categories ? column.shown[column.values[row]] : column.name === "feature" ? `#${column.values[row]}` : number(column.values[row]);

const COMPARE = {
  "==": (a, b) => a === b, "!=": (a, b) => a !== b, ">=": (a, b) => a >= b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, "<": (a, b) => a < b,
};

function readCondition(part, table) {
  const found = part.match(/^\s*(\w+)\s*(==|!=|>=|<=|>|<)\s*(?:"([^"]*)"|'([^']*)'|([-+.\w]+))\s*$/);
  if (!found || !table[found[1]]) throw new Error(
    `cannot read “${part.trim()}”. Write conditions such as  rel_norm > 0.9 and density > 1e-4  or a feature's number. Columns: ${Object.keys(table).join(", ")}`);
  const [, name, op, ...values] = found;
  const column = table[name], value = values.find((v) => v !== undefined);
  if (column.categories) {
    if (op !== "==" && op !== "!=") throw new Error(`${name} is a text: use == or !=`);
    const wanted = column.categories.map((raw, i) => raw === value || column.shown[i] === value);
    if (!wanted.includes(true)) throw new Error(`${name} has no “${value}”; it has: ${column.shown.join(", ")}`);
    return (row) => wanted[column.values[row]] === (op === "==");
  }
  if (value === "" || Number.isNaN(Number(value))) throw new Error(`${name} is a number; got “${value}”`);
  return (row) => COMPARE[op](column.values[row], Math.fround(Number(value)));
}

function readFilter(text, table) {
  if (!text.trim()) return () => true;
  const id = text.trim().match(/^#?(\d+)$/);
  if (id) return (row) => table.feature.values[row] === Number(id[1]);
  const tests = text.split(/\s+and\s+|&/).map((part) => readCondition(part, table));
  return (row) => tests.every((test) => test(row));
}

// Rows that pass, in order; a row without a value comes last either way, equal rows keep their order.
function sortRows(rows, column, down) {
  const v = column.values, sign = down ? -1 : 1;
  return rows.sort((a, b) => {
    if (Number.isNaN(v[a]) || Number.isNaN(v[b])) return Number.isNaN(v[a]) - Number.isNaN(v[b]);
    return sign * (v[a] - v[b]) || a - b;
  });
}

// ---- the map: relative norm × cosine -------------------------------------------------------------

function makeMap(table, names, onPick) {
  const [W, H] = [180, 60];       // cells in which features are counted
  const canvas = h("canvas", { width: W, height: H, className: "cc-canvas" });
  const ring = h("div", { className: "cc-ring", hidden: true });
  const x = (row) => table.rel_norm.values[row], y = (row) => (1 - table.cosine.values[row]) / 2;   // both in [0, 1], y down
  let rows = [];

  canvas.onclick = (event) => {
    const box = canvas.getBoundingClientRect();
    const px = event.clientX - box.left, py = event.clientY - box.top;
    let best = null, least = 15 * 15;       // pixels within which a click finds a feature
    for (const row of rows) {
      const distance = (x(row) * box.width - px) ** 2 + (y(row) * box.height - py) ** 2;
      if (distance < least) [best, least] = [row, distance];
    }
    if (best !== null) onPick(best);
  };

  function draw(passing) {
    rows = passing;
    const density = new Float32Array(W * H);
    for (const row of rows) {
      if (Number.isNaN(x(row)) || Number.isNaN(y(row))) continue;
      density[Math.min(H - 1, Math.floor(y(row) * H)) * W + Math.min(W - 1, Math.floor(x(row) * W))] += 1;
    }
    const image = new ImageData(W, H), most = Math.log1p(density.reduce((a, b) => Math.max(a, b), 1));
    density.forEach((n, i) => { if (n) image.data.set([56, 145, 210, 130 + 125 * Math.log1p(n) / most], 4 * i); });
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  function mark(row) {
    ring.hidden = row === null || Number.isNaN(x(row)) || Number.isNaN(y(row));
    if (!ring.hidden) Object.assign(ring.style, { left: `${100 * x(row)}%`, top: `${100 * y(row)}%` });
  }

  const el = h("div", { className: "cc-map" },
    h("div", { className: "cc-map-y" }, h("span", {}, "1"), h("span", { className: "cc-upright" }, "decoder cosine"), h("span", {}, "−1")),
    h("div", { className: "cc-plane", title: "Each point is one of the features in the table. Click to select." }, canvas, ring),
    h("div", { className: "cc-map-x" }, h("span", {}, `0 = only ${names[0]}`), h("span", {}, "relative norm"), h("span", {}, `1 = only ${names[1]}`)));
  return { el, draw, mark };
}

// ---- the card ------------------------------------------------------------------------------------

const shade = (act, most) => `rgba(255, 140, 0, ${(0.85 * Math.max(0, act) / most).toFixed(3)})`;
const shareText = (names, shares) => shares.map((s, i) => `${names[i]} ${percent(s)}`).join(" · ");

// A bar of the models' parts; a negative part has no width, its number stands in the tooltip.
function shareBar(names, shares) {
  const total = shares.reduce((a, s) => a + Math.max(0, s), 0) || 1;
  return h("div", { className: "cc-share", title: `at the peak: ${shareText(names, shares)}` },
    ...shares.map((s, i) => h("div", { className: `cc-part cc-part-${i % 2}`, style: { width: `${100 * Math.max(0, s) / total}%` } })));
}

function exampleTokens(example, card, open, hover) {
  const from = open ? 0 : Math.max(0, example.position - AROUND);
  const to = open ? example.tokens.length : Math.min(example.tokens.length, example.position + AROUND + 1);
  const spans = [];
  if (from > 0) spans.push(h("span", { className: "cc-more" }, "… "));
  for (let i = from; i < to; i++) {
    const peak = i === example.position;
    // A line break is drawn as a sign; in an opened example it also breaks the line. A token that is only a part of a
    // character has no text of its own: the character stands at the last of its tokens.
    const text = example.tokens[i].replace(/\n/g, open ? "↵\n" : "↵").replace(/\t/g, "⇥") || "·";
    const span = h("span", { className: peak ? "cc-token cc-peak" : "cc-token" }, text);
    if (example.acts[i] > 0) span.style.backgroundColor = shade(example.acts[i], card.max_act);
    const lines = [`${example.tokens[i] ? `“${example.tokens[i]}”` : "part of a character"}  id ${example.ids[i]}`, `activation ${number(example.acts[i])}`];
    if (peak) lines.push(shareText(card.share_names, example.shares));
    hover(span, lines);
    spans.push(span);
  }
  if (to < example.tokens.length) spans.push(h("span", { className: "cc-more" }, " …"));
  return spans;
}

function drawExample(example, card, hover) {
  const text = h("div", { className: "cc-text" });
  const el = h("div", { className: "cc-example", tabIndex: 0, role: "button", title: "" },
    h("div", { className: "cc-peak-act" }, number(example.act), shareBar(card.share_names, example.shares)), text,
    h("div", { className: "cc-doc" }, `doc ${example.doc}`));
  const draw = (open) => { el.setAttribute("aria-expanded", String(open)); text.replaceChildren(...exampleTokens(example, card, open, hover)); };
  el.onclick = () => { if (String(getSelection()) === "") draw(el.getAttribute("aria-expanded") !== "true"); };
  draw(false);
  return el;
}

function drawHistogram({ edges, counts }) {
  const most = Math.log1p(Math.max(...counts));
  const bars = counts.map((n, i) => h("div", {
    className: "cc-bar", style: { height: `${100 * Math.log1p(n) / most}%` }, title: `${number(edges[i])} to ${number(edges[i + 1])}: ${count(n)} tokens`,
  }));
  return h("figure", { className: "cc-histogram" },
    h("div", { className: "cc-bars" }, ...bars),
    h("div", { className: "cc-ends" }, h("span", {}, number(edges[0])), h("span", {}, number(edges.at(-1)))),
    h("figcaption", {}, `activation on the ${count(counts.reduce((a, n) => a + n, 0))} tokens where it fires (both axes logarithmic)`));
}

function drawCard(card, hover) {
  const parts = [];
  if (card.histogram) parts.push(drawHistogram(card.histogram));
  if (card.note) parts.push(h("p", { className: "cc-note" }, card.note));
  if (card.examples.length) {
    parts.push(
      h("div", { className: "cc-scale" }, h("span", {}, "0"), h("div", { className: "cc-ramp" }), h("span", {}, number(card.max_act)),
        h("span", { className: "cc-hint" }, "activation; the peak is underlined; click an example for its whole window"),
        ...card.share_names.map((name, i) => h("span", { className: "cc-key" }, h("i", { className: `cc-part-${i % 2}` }), name))),
      h("div", { className: "cc-examples" }, ...card.examples.map((example) => drawExample(example, card, hover))));
  }
  return parts;
}

// ---- the whole view ------------------------------------------------------------------------------

// load(feature) -> Promise of a card; onSelect(feature) tells the host. Returns { select }.
function show(root, { meta, buffer, load, onSelect }) {
  const table = makeTable(meta, buffer), names = meta.names;
  const state = { rows: [], sort: "rel_norm", down: true, page: 0, row: null, ticket: 0 };

  // An error in a handler would be seen by nobody: it is shown in the panel.
  const panel = h("div", { className: "cc-panel" }), problem = h("div", { className: "cc-problem", role: "alert", hidden: true });
  function complain(error) {
    problem.hidden = false;
    problem.replaceChildren(h("details", {}, h("summary", {}, String(error.message ?? error)), h("pre", {}, error.stack ?? "")));
  }
  const guard = (action) => (...args) => { try { return action(...args); } catch (error) { complain(error); } };

  const tip = h("div", { className: "cc-tip", hidden: true });
  function hover(span, lines) {
    span.onmouseenter = () => {
      tip.hidden = false;
      tip.replaceChildren(...lines.map((line) => h("div", {}, line)));
      const box = span.getBoundingClientRect(), frame = root.getBoundingClientRect();
      const left = Math.max(0, Math.min(box.left - frame.left, frame.width - tip.offsetWidth));
      Object.assign(tip.style, { left: `${left}px`, top: `${box.bottom - frame.top + 4}px` });
    };
    span.onmouseleave = () => { tip.hidden = true; };
  }

  // The table
  const head = h("tr"), body = h("tbody"), found = h("span", { className: "cc-found", role: "status" });
  const filterBox = h("input", { className: "cc-filter", type: "text", spellcheck: false, placeholder: "rel_norm > 0.9 and density > 1e-4",
    title: "conditions joined by and, or the number of a feature; Enter applies", "aria-label": "filter" });
  const classBox = h("select", { className: "cc-class", "aria-label": "class" }, ...meta.classes.map(([value, label]) => h("option", { value }, label)));
  const filterError = h("div", { className: "cc-filter-error", role: "alert", hidden: true });

  function drawHead() {
    head.replaceChildren(...meta.table.map((name) => {
      const column = table[name], sorted = state.sort === name;
      const button = h("button", { type: "button", title: column.help, "data-column": name, onclick: guard(() => sortBy(name)) },
        column.label, h("span", { className: "cc-arrow" }, sorted ? (state.down ? " ▼" : " ▲") : ""));
      return h("th", { scope: "col", className: column.categories ? "cc-word" : "", "aria-sort": sorted ? (state.down ? "descending" : "ascending") : "none" }, button);
    }));
  }

  function drawRows() {
    const from = state.page * PAGE, rows = state.rows.slice(from, from + PAGE);
    body.replaceChildren(...rows.map((row) => h("tr",
      { className: row === state.row ? "cc-row cc-selected" : "cc-row", "data-feature": table.feature.values[row], "aria-selected": String(row === state.row), onclick: guard(() => pick(row)) },
      ...meta.table.map((name) => h("td", { className: table[name].categories ? "cc-word" : "cc-number" }, shown(table[name], row))))));
    const end = from + rows.length;
    found.textContent = rows.length ? `${count(from + 1)}–${count(end)} of ${count(state.rows.length)} (${count(meta.rows)} features)` : `none of ${count(meta.rows)} features`;
    back.disabled = from === 0;
    next.disabled = end >= state.rows.length;
  }

  function turn(pages) { state.page = Math.max(0, Math.min(Math.ceil(state.rows.length / PAGE) - 1, state.page + pages)); drawRows(); }
  const back = h("button", { type: "button", className: "cc-back", "aria-label": "previous page", onclick: guard(() => turn(-1)) }, "‹");
  const next = h("button", { type: "button", className: "cc-next", "aria-label": "next page", onclick: guard(() => turn(1)) }, "›");

  function sortBy(name) {
    state.down = state.sort === name ? !state.down : true;
    state.sort = name;
    state.page = 0;
    sortRows(state.rows, table[name], state.down);
    drawHead();
    drawRows();
  }

  function filter() {
    let passes;
    try { passes = readFilter(filterBox.value, table); filterError.hidden = true; }
    catch (error) { filterError.hidden = false; filterError.textContent = error.message; return; }
    const classes = table.class.categories, wanted = classBox.value;
    const inClass = classes.map((name) => wanted === "" || (wanted === "living" ? name !== "dead" : name === wanted));
    const rows = [];
    for (let row = 0; row < meta.rows; row++) if (inClass[table.class.values[row]] && passes(row)) rows.push(row);
    state.rows = sortRows(rows, table[state.sort], state.down);
    state.page = 0;
    map.draw(state.rows);
    drawRows();
  }

  // The card of one feature: what the table knows at once, the examples when they come.
  function pick(row) {
    const feature = table.feature.values[row], ticket = ++state.ticket;
    state.row = row;
    const place = state.rows.indexOf(row);
    if (place >= 0) state.page = Math.floor(place / PAGE);
    drawRows();
    map.mark(row);
    problem.hidden = true;
    const value = (name) => table[name].values[row];
    const fact = (label, text, help) => h("div", { className: "cc-fact", title: help }, h("div", { className: "cc-label" }, label), text);
    const contents = h("div", { className: "cc-contents" }, h("p", { className: "cc-note" }, "loading …"));
    panel.setAttribute("data-feature", feature);
    panel.removeAttribute("data-ready");
    panel.replaceChildren(
      h("h3", {}, `#${feature} `, h("span", { className: "cc-badge" }, shown(table.class, row))),
      h("div", { className: "cc-lean", title: table.rel_norm.help },
        h("span", {}, names[0]), h("div", { className: "cc-track" }, h("div", { className: "cc-knob", style: { left: `${100 * (value("rel_norm") || 0)}%` } })), h("span", {}, names[1]),
        h("b", {}, number(value("rel_norm")))),
      h("div", { className: "cc-facts" }, ...meta.card.map((name) => fact(table[name].label, shown(table[name], row), table[name].help))),
      contents);
    const current = () => ticket === state.ticket;       // a reply that comes after another click is dropped
    const late = setTimeout(() => { if (current()) contents.replaceChildren(h("p", { className: "cc-note" }, "No answer yet: the kernel is busy or was stopped.")); }, 5000);
    load(feature).then((card) => { if (current()) { contents.replaceChildren(...drawCard(card, hover)); panel.setAttribute("data-ready", ""); } })
      .catch((error) => { if (current()) { contents.replaceChildren(); complain(error); } })
      .finally(() => clearTimeout(late));
    onSelect(feature);
  }

  function select(feature) {
    const row = table.feature.values.indexOf(feature);
    if (row < 0) complain(new Error(`there is no feature ${feature} here`));
    else if (row !== state.row) pick(row);
  }

  function step(by) {
    const place = state.rows.indexOf(state.row) + by;
    if (place >= 0 && place < state.rows.length) pick(state.rows[place]);
  }

  const map = makeMap(table, names, guard(pick));
  filterBox.onkeydown = (event) => { if (event.key === "Enter") guard(filter)(); };
  classBox.onchange = guard(filter);
  root.classList.add("cc");
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  root.tabIndex = -1;
  root.onkeydown = guard((event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input, select")) return;
    // JupyterLab keeps the browser's own Enter from reaching buttons, so it is handled here.
    if (event.key === "Enter" && event.target.matches("button, .cc-example")) event.target.click();
    else if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  root.replaceChildren(
    h("header", { className: "cc-head" }, h("b", {}, names[0]), " vs ", h("b", {}, names[1]),
      ...meta.facts.map(([label, value, help]) => h("span", { className: "cc-item", title: help }, `${label} `, h("b", {}, value)))),
    h("div", { className: "cc-columns" },
      h("section", { className: "cc-left", "aria-label": "features" },
        map.el,
        h("div", { className: "cc-tools" }, classBox, filterBox), filterError,
        h("div", { className: "cc-scroll" }, h("table", { className: "cc-table" }, h("thead", {}, head), body)),
        h("div", { className: "cc-pages" }, back, next, found, h("span", { className: "cc-hint" }, "j / k: next, previous"))),
      h("section", { className: "cc-right", "aria-label": "feature" }, problem, panel)),
    tip);
  drawHead();
  filter();
  return { select, first: () => { if (state.rows.length) pick(state.rows[0]); } };
}

// ---- the two hosts -------------------------------------------------------------------------------

function render({ model, el }) {
  const cards = new Map(), waiting = new Map();     // feature -> card, least recently used first; feature -> who waits

  function load(feature) {
    if (cards.has(feature)) {
      const card = cards.get(feature);
      cards.delete(feature);
      cards.set(feature, card);
      return Promise.resolve(card);
    }
    return new Promise((resolve, reject) => { waiting.set(feature, { resolve, reject }); model.send({ feature }); });
  }

  function receive({ feature, card, error, trace }) {
    const { resolve, reject } = waiting.get(feature) ?? { resolve() {}, reject() {} };
    waiting.delete(feature);
    if (error) return reject({ message: error, stack: trace });
    cards.set(feature, card);
    if (cards.size > KEPT_CARDS) cards.delete(cards.keys().next().value);
    resolve(card);
  }

  const bytes = model.get("_columns");
  const view = show(el, {
    meta: model.get("_meta"), buffer: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength), load,
    onSelect(feature) { if (model.get("selected") !== feature) { model.set("selected", feature); model.save_changes(); } },
  });
  const follow = () => { if (model.get("selected") !== null) view.select(model.get("selected")); };
  model.on("msg:custom", receive);
  model.on("change:selected", follow);
  if (model.get("selected") === null) view.first(); else follow();
  return () => { model.off("msg:custom", receive); model.off("change:selected", follow); };
}

// The report's data: base64 of gzip of [length of the JSON as uint32, the JSON, float32 columns].
// The JSON holds the view's meta, cards by feature, the numbers of dead features, and what to say of those and of the other
// features without a card.
export async function openReport(el, packed) {
  const zipped = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const bytes = await new Response(new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  const start = 4 + new DataView(bytes).getUint32(0, true);
  const { meta, cards, dead, silent, missing } = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, start - 4)));
  const asked = () => { const found = location.hash.match(/^#f=(\d+)$/); return found && Number(found[1]); };
  const view = show(el, {
    meta, buffer: bytes.slice(start),
    load: (feature) => Promise.resolve(cards[feature] ?? { examples: [], note: dead.includes(feature) ? silent : missing }),
    onSelect(feature) { if (asked() !== feature) history.replaceState(null, "", `#f=${feature}`); },
  });
  addEventListener("hashchange", () => { if (asked() !== null) view.select(asked()); });
  if (asked() === null) view.first(); else view.select(asked());
}

export default { render };
