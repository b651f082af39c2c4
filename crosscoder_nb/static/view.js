// The feature view: a map, a table and a card. One module, two hosts: anywidget calls `render` (a block of columns
// comes as a trait, cards and further columns by message from the kernel), the report calls `openPage` (all is in the
// page). Text enters the page as text nodes only, never as markup, so a token that looks like a tag is shown as it is.
// (The end tag of a script must not stand in this file: the report places it between script tags.)

const PAGE = 12; // rows of the table
const SHOWN = 12; // tokens shown on each side of the peak before an example is opened
const KEPT_CARDS = 200; // cards remembered by the widget
const DOTS = 16_000; // from so many features on, the map counts them in cells instead of drawing each
const PATIENCE = 4000; // milliseconds after which a silent kernel is mentioned

// ---- small parts ---------------------------------------------------------------------------------

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
  for (let digits = 3; digits < 7; digits++)
    if (new Set(known.map((v) => number(v, digits))).size === known.length) return digits;
  return 7;
}

const percent = (v) => (missing(v) ? "–" : `${Number((100 * v).toPrecision(2))} %`);
const count = (v) => v.toLocaleString("en-US");
const clamp = (v, low, high) => Math.max(low, Math.min(high, v));

// ---- a block of columns, from `pack` in Python -----------------------------------------------------

async function inflate(bytes) {
  return new Uint8Array(
    await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer(),
  );
}

const KINDS = { f4: Float32Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };

// JSON and columns; the bytes of equal significance of a column's values lie side by side.
async function unpack(block) {
  const size = new DataView(block.buffer, block.byteOffset, 4).getUint32(0, true);
  const contents = JSON.parse(new TextDecoder().decode(await inflate(block.subarray(4, 4 + size))));
  let at = 4 + size;
  const columns = await Promise.all(
    contents.columns.map(async ([name, kind, length, bytes]) => {
      const packed = block.subarray(at, at + bytes),
        width = Number(kind[1]),
        values = new Uint8Array(width * length);
      at += bytes; // before the wait below: the columns are unpacked side by side
      const planes = await inflate(packed);
      for (let k = 0, i = 0; k < width; k++)
        for (let row = 0; row < length; row++) values[row * width + k] = planes[i++];
      return [name, new KINDS[kind](values.buffer)];
    }),
  );
  return { contents, columns: Object.fromEntries(columns) };
}

// ---- the table's data ------------------------------------------------------------------------------

// Columns by name. `values` are there at once, or after `need`. A column of texts has `texts`, to which values are
// indices; what the reader writes about features makes columns too.
function makeData(meta, columns, texts, source) {
  const features = columns.feature,
    places = new Map(),
    notes = new Map(Object.entries(meta.notes).map(([f, said]) => [Number(f), said]));
  features.forEach((feature, row) => places.set(feature, row));
  const about = new Map(meta.columns.map((column) => [column.name, column]));
  for (const column of meta.columns)
    if (columns[column.name]) Object.assign(column, { values: columns[column.name], texts: texts[column.name] });
  for (const [name, help] of [
    ["label", "what readers called the feature"],
    ["note", "what readers wrote about it"],
  ])
    if (!about.has(name)) about.set(name, { name, label: name, help, kind: "note" });
  if (!about.has("star")) about.set("star", { name: "star", label: "★", help: "starred by a reader", kind: "note" });

  async function need(names) {
    await Promise.all(
      names.map(async (name) => {
        const column = about.get(name);
        if (!column || column.values || column.kind === "note") return;
        const { contents, columns: found } = await source.column(name);
        Object.assign(column, { values: found[name], texts: contents.texts[name] });
      }),
    );
  }

  function value(column, row) {
    if (column.kind === "note") return notes.get(features[row])?.[column.name] ?? "";
    if (column.kind === "text") return column.texts[column.values[row]];
    return column.values[row];
  }

  return {
    rows: meta.rows,
    features,
    about,
    notes,
    few: columns.few,
    need,
    value,
    place: (feature) => places.get(feature),
  };
}

// Rows in order; a row without a value comes last either way, equal rows keep their order.
function sortRows(data, rows, name, down) {
  const column = data.about.get(name),
    sign = down ? -1 : 1;
  if (column.kind === "note") {
    const said = new Map(rows.map((row) => [row, String(data.value(column, row))]));
    return rows.sort(
      (a, b) => (said.get(a) === "") - (said.get(b) === "") || sign * said.get(a).localeCompare(said.get(b)) || a - b,
    );
  }
  const v = column.kind === "feature" ? data.features : column.values,
    empty = column.texts?.indexOf("") ?? -1;
  const none = (row) => Number.isNaN(v[row]) || v[row] === empty;
  return rows.sort((a, b) => {
    if (none(a) || none(b)) return none(a) - none(b) || a - b;
    return sign * (v[a] - v[b]) || a - b;
  });
}

// ---- the filter ------------------------------------------------------------------------------------

// Conditions such as  rel_norm > 0.9 and (0.0001 < density < 0.01 or label ~ "pirate") , or a feature's number.
// `names` are the columns a filter needs, `words` the texts it looks for in examples; `test(row)` can be called once
// they are there.
const TOKEN = /\s*(?:(\()|(\))|(<=|>=|==|!=|=|<|>|~)|"([^"]*)"|'([^']*)'|`([^`]*)`|([^\s()<>=!~"'`]+))/y;
const COMPARE = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  "<": (a, b) => a < b,
};
const FLIPPED = { "<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!=" };

function readTokens(text) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const found = TOKEN.exec(text);
    if (!found) throw new Error("there is a quote without its end");
    const [, open, close, op, quoted, quoted2, name, word] = found;
    if (open || close) tokens.push({ kind: open ?? close });
    else if (op) tokens.push({ kind: "op", text: op === "=" ? "==" : op });
    else if (name !== undefined) tokens.push({ kind: "word", text: name, column: true });
    else if (word !== undefined)
      tokens.push({
        kind: /^(and|or|not)$/i.test(word) ? word.toLowerCase() : word === "&" ? "and" : word === "|" ? "or" : "word",
        text: word,
      });
    else tokens.push({ kind: "word", text: quoted ?? quoted2, quoted: true });
  }
  return tokens;
}

function readFilter(text, data, shownAs) {
  const names = new Set(),
    words = new Set(),
    found = new Map();
  if (/^\s*#?\d+\s*$/.test(text)) {
    const wanted = Number(text.replace("#", ""));
    return { names, words, found, alone: true, test: (row) => data.features[row] === wanted };
  }
  const tokens = readTokens(text);
  let at = 0;
  const next = () => tokens[at]?.kind;
  const columnOf = (token) =>
    token && !token.quoted ? (token.text === "text" ? { kind: "examples" } : data.about.get(token.text)) : undefined;

  function any() {
    let left = all();
    while (next() === "or") {
      at++;
      const a = left,
        b = all();
      left = (row) => a(row) || b(row);
    }
    return left;
  }
  function all() {
    let left = one();
    while (next() === "and") {
      at++;
      const a = left,
        b = one();
      left = (row) => a(row) && b(row);
    }
    return left;
  }
  function one() {
    if (next() === "not") {
      at++;
      const inner = one();
      return (row) => !inner(row);
    }
    if (next() === "(") {
      at++;
      const inner = any();
      if (next() !== ")") throw new Error("a parenthesis is not closed");
      at++;
      return inner;
    }
    return comparison();
  }

  function comparison() {
    const parts = [];
    while (next() === "word" || next() === "op") parts.push(tokens[at++]);
    if (parts.length === 1 && columnOf(parts[0])?.name === "star")
      return compare(columnOf(parts[0]), "==", { text: "true" });
    const shape = parts.map((p) => (p.kind === "op" ? "o" : "w")).join("");
    if (shape === "wow") {
      if (columnOf(parts[0])) return compare(columnOf(parts[0]), parts[1].text, parts[2]);
      if (columnOf(parts[2])) return compare(columnOf(parts[2]), FLIPPED[parts[1].text], parts[0]);
      throw new Error(`there is no column “${parts[0].text}”`);
    }
    if (shape === "wowow" && columnOf(parts[2])) {
      const low = compare(columnOf(parts[2]), FLIPPED[parts[1].text], parts[0]),
        high = compare(columnOf(parts[2]), parts[3].text, parts[4]);
      return (row) => low(row) && high(row);
    }
    throw new Error(parts.length ? `cannot read “${parts.map((p) => p.text).join(" ")}”` : "a condition is missing");
  }

  function compare(column, op, { text }) {
    if (column.kind === "examples") {
      if (op !== "~") throw new Error('text is what the examples say: text ~ "some words"');
      words.add(text);
      return (row) => found.get(text).has(data.features[row]);
    }
    names.add(column.name);
    if (column.kind === "number" || column.kind === "feature") {
      const wanted = Math.fround(Number(text));
      if (text.trim() === "" || Number.isNaN(wanted) || !COMPARE[op])
        throw new Error(`${column.name} is a number, compared by < <= > >= == !=; got “${op} ${text}”`);
      return (row) => {
        const v = column.kind === "feature" ? data.features[row] : column.values[row];
        return COMPARE[op](v, wanted);
      };
    }
    const said = (row) => String(data.value(column, row));
    if (op === "~") {
      const wanted = text.toLowerCase();
      return (row) => said(row).toLowerCase().includes(wanted);
    }
    if (op !== "==" && op !== "!=") throw new Error(`${column.name} is a text: use == != or ~ (contains)`);
    return (row) => (said(row) === text || shownAs(said(row)) === text) === (op === "==");
  }

  const test = tokens.length ? any() : () => true;
  if (at < tokens.length)
    throw new Error(
      `cannot read “${tokens
        .slice(at)
        .map((t) => t.text ?? t.kind)
        .join(" ")}”`,
    );
  return { names, words, found, test };
}

// ---- the map -----------------------------------------------------------------------------------------

// Where numbers lie on an axis: fitted to the data, or from 0 to 1. Zero has no logarithm and lies at the low end.
function makeAxis(column, rows, fitted) {
  const log = fitted && column.log,
    put = log ? (v) => Math.log10(v) : (v) => v;
  const at = [];
  for (const row of rows) {
    const v = put(column.values[row]);
    if (Number.isFinite(v)) at.push(v);
  }
  at.sort((a, b) => a - b);
  if (!fitted && !column.log) return { put, low: at.length && at[0] < 0 ? -1.02 : -0.02, high: 1.02, log: false };
  if (!at.length) return { put, low: 0, high: 1, log };
  const [least, most] = [at[0], at.at(-1)],
    q = (share) => at[Math.floor(share * (at.length - 1))];
  let [low, high] = [q(0.0025), q(0.9975)];
  const wide = high - low || Math.abs(high) || 1;
  low = low - least < 1.5 * wide ? least : low; // few far points do not press all others into a dot;
  high = most - high < 1.5 * wide ? most : high; // they are drawn at the edge
  const margin = 0.06 * (high - low || Math.abs(high) || 1);
  return { put, low: low - margin, high: high + margin, log };
}

function ticksOf(axis, most) {
  const span = axis.high - axis.low;
  if (axis.log && span > 1.5) {
    const step = Math.ceil(span / most),
      ticks = [];
    for (let e = Math.ceil(axis.low); e <= axis.high; e += step)
      ticks.push([e, e >= -3 && e <= 3 ? number(10 ** e) : `1e${e}`]);
    return ticks;
  }
  const rough = span / most,
    ten = 10 ** Math.floor(Math.log10(rough)),
    step = [1, 2, 5, 10].map((k) => k * ten).find((s) => s >= rough),
    ticks = [];
  for (let v = Math.ceil(axis.low / step) * step; v <= axis.high + 1e-9 * step; v += step) {
    const shown = axis.log ? 10 ** v : v;
    ticks.push([
      v,
      Math.abs(shown) < 1e-9 * step
        ? "0"
        : number(shown, clamp(Math.ceil(Math.log10(Math.abs(shown) / step)) + 1, 2, 7)),
    ]);
  }
  return ticks;
}

const INK = { first: "#0072b2", second: "#d55e00", both: "#009e73", other: "#8c8c8c", far: "#8a929c", null: "#7d8590" };

function makeMap({ data, meta, nulls, tooltip, onPick, onBrush, onAxes }) {
  const canvas = h("canvas", { className: "cc-canvas", tabIndex: 0, role: "application" });
  const state = {
    axes: meta.axes.slice(),
    fitted: true,
    view: null,
    rows: [],
    all: [],
    picked: null,
    brush: null,
    points: null,
  };
  const pad = { left: 46, right: 8, top: 8, bottom: 34 };
  let box = { width: 0, height: 0 },
    waiting = false,
    dragging = null,
    scrolled = 0;
  let layer = null; // frame and features as drawn last; what is selected or brushed is drawn over them

  const column = (i) => data.about.get(state.axes[i]);
  const classOf = data.about.get("class");
  const whose = new Map(meta.classes.map(([name, , , of]) => [name, of])),
    inkOfClass = (name) => INK[whose.get(name) ?? "other"];
  const inks = (classOf?.texts ?? []).map(inkOfClass);
  const inkOf = (row) => (inks.length ? inks[classOf.values[row]] : INK.first);

  function refit() {
    if (!column(0)?.values || !column(1)?.values) {
      state.view = null;
      return;
    }
    const rows = state.all.length ? state.all : state.rows;
    state.view = [0, 1].map((i) => makeAxis(column(i), rows, state.fitted));
  }

  const across = (v) =>
    pad.left +
    ((v - state.view[0].low) / (state.view[0].high - state.view[0].low)) * (box.width - pad.left - pad.right);
  const down = (v) =>
    box.height -
    pad.bottom -
    ((v - state.view[1].low) / (state.view[1].high - state.view[1].low)) * (box.height - pad.top - pad.bottom);
  const acrossBack = (px) =>
    state.view[0].low +
    ((px - pad.left) / (box.width - pad.left - pad.right)) * (state.view[0].high - state.view[0].low);
  const downBack = (py) =>
    state.view[1].low +
    ((box.height - pad.bottom - py) / (box.height - pad.top - pad.bottom)) * (state.view[1].high - state.view[1].low);

  // Where a feature is drawn: [x, y, whether it lies outside]; what lies outside is drawn at the edge.
  function spot(row) {
    const [x, y] = [state.view[0].put(column(0).values[row]), state.view[1].put(column(1).values[row])];
    if (Number.isNaN(x) || Number.isNaN(y)) return null;
    const px = across(x),
      py = down(y),
      inX = clamp(px, pad.left, box.width - pad.right),
      inY = clamp(py, pad.top, box.height - pad.bottom);
    return [inX, inY, inX !== px || inY !== py];
  }

  function draw() {
    waiting = false;
    box = { width: canvas.clientWidth, height: canvas.clientHeight };
    if (!box.width || !box.height) return;
    const ratio = window.devicePixelRatio || 1,
      g = canvas.getContext("2d"),
      style = getComputedStyle(canvas);
    canvas.width = Math.round(box.width * ratio);
    canvas.height = Math.round(box.height * ratio);
    const text = style.getPropertyValue("--cc-dim").trim() || "#59626d",
      line = style.getPropertyValue("--cc-line").trim() || "#d7dbe0";
    const look = [canvas.width, canvas.height, text, line].join();
    if (layer?.look !== look) layer = Object.assign(drawLayer(ratio, text, line), { look });
    g.drawImage(layer, 0, 0);
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (state.view) drawPicked(g, style);
    if (state.brush) {
      const { x0, y0, x1, y1 } = state.brush;
      g.strokeStyle = INK.first;
      g.lineWidth = 1.5;
      g.fillStyle = "rgba(0, 114, 178, .12)";
      g.fillRect(Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0));
      g.strokeRect(Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0));
    }
  }
  const repaint = () => {
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(draw);
    }
  };
  const redraw = () => {
    layer = null;
    repaint();
  };

  function drawLayer(ratio, text, line) {
    const drawn = h("canvas", { width: canvas.width, height: canvas.height }),
      g = drawn.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.font = "11px system-ui, sans-serif";
    if (!state.view) {
      g.fillStyle = text;
      g.textAlign = "center";
      g.fillText(
        state.axes.length < 2 ? "This table has no two columns of numbers to draw a map of." : "loading …",
        box.width / 2,
        box.height / 2,
      );
      return drawn;
    }
    drawFrame(g, text, line);
    g.beginPath();
    g.rect(pad.left - 4, pad.top - 4, box.width - pad.left - pad.right + 8, box.height - pad.top - pad.bottom + 8);
    g.clip();
    nulls.forEach((null_, i) => drawOutline(g, null_, i));
    drawFeatures(g);
    return drawn;
  }

  // Axes with ticks, and the classes of relative norm as bands.
  function drawFrame(g, text, line) {
    const [left, right, top, bottom] = [pad.left, box.width - pad.right, pad.top, box.height - pad.bottom];
    state.axes.forEach((name, i) => {
      if (name !== "rel_norm" || !meta.thresholds) return;
      const {
        exclusive: [low, high],
        shared: [from, to],
      } = meta.thresholds;
      for (const [begin, end, ink] of [
        [0, low, "rgba(0, 114, 178, .10)"],
        [from, to, "rgba(107, 119, 133, .08)"],
        [high, 1, "rgba(213, 94, 0, .10)"],
      ]) {
        g.fillStyle = ink;
        if (i === 0) {
          const a = clamp(across(begin), left, right),
            b = clamp(across(end), left, right);
          g.fillRect(a, top, b - a, bottom - top);
        } else {
          const a = clamp(down(end), top, bottom),
            b = clamp(down(begin), top, bottom);
          g.fillRect(left, a, right - left, b - a);
        }
      }
    });
    g.strokeStyle = line;
    g.fillStyle = text;
    g.lineWidth = 1;
    g.textBaseline = "alphabetic";
    g.strokeRect(left + 0.5, top + 0.5, right - left - 1, bottom - top - 1);
    for (const [v, label] of ticksOf(state.view[0], box.width / 90)) {
      const x = across(v);
      if (x < left - 1 || x > right + 1) continue;
      g.beginPath();
      g.moveTo(x, bottom);
      g.lineTo(x, bottom + 4);
      g.stroke();
      g.textAlign = x > right - 14 ? "right" : "center";
      g.fillText(label, x, bottom + 15);
    }
    for (const [v, label] of ticksOf(state.view[1], box.height / 45)) {
      const y = down(v);
      if (y < top - 1 || y > bottom + 1) continue;
      g.beginPath();
      g.moveTo(left - 4, y);
      g.lineTo(left, y);
      g.stroke();
      g.textAlign = "right";
      g.fillText(label, left - 6, clamp(y + 4, top + 8, bottom));
    }
  }

  function drawFeatures(g) {
    const passing = new Uint8Array(data.rows);
    for (const row of state.rows) passing[row] = 1;
    const many = state.all.length > DOTS && inView() > DOTS,
      cell = 2;
    if (many) {
      drawCells(g, passing, cell);
      drawStars(g);
      return;
    }
    for (const passes of [0, 1])
      for (const row of state.all) {
        if (passing[row] !== passes) continue;
        const at = spot(row);
        if (!at) continue;
        g.globalAlpha = passes ? 0.8 : 0.22;
        g.fillStyle = g.strokeStyle = passes ? inkOf(row) : INK.far;
        g.beginPath();
        if (at[2]) {
          g.lineWidth = 1.2;
          g.arc(at[0], at[1], 3, 0, 7);
          g.stroke();
        } // outside: a ring at the edge
        else {
          g.arc(at[0], at[1], state.all.length > 1000 ? 1.7 : 2.4, 0, 7);
          g.fill();
        }
        g.globalAlpha = 1;
      }
    drawStars(g);
  }

  // Cells as dark as they hold many features, in the colour of the class that most of these have.
  function drawCells(g, passing, cell) {
    const w = Math.ceil(box.width / cell),
      kinds = [...new Set(inks.length ? inks : [INK.first])],
      far = new Set();
    const cells = new Map(); // place -> how many features of each colour
    for (const row of state.all) {
      const at = spot(row);
      if (!at) continue;
      const place = Math.floor(at[1] / cell) * w + Math.floor(at[0] / cell);
      if (!passing[row]) {
        far.add(place);
        continue;
      }
      const counts = cells.get(place) ?? cells.set(place, new Float32Array(kinds.length)).get(place);
      counts[kinds.indexOf(inkOf(row))]++;
    }
    g.fillStyle = INK.far;
    g.globalAlpha = 0.25;
    for (const place of far)
      if (!cells.has(place)) g.fillRect((place % w) * cell, Math.floor(place / w) * cell, cell, cell);
    const total = (counts) => counts.reduce((a, n) => a + n, 0);
    let most = 1;
    for (const counts of cells.values()) most = Math.max(most, total(counts));
    for (const [place, counts] of cells) {
      g.fillStyle = kinds[counts.indexOf(Math.max(...counts))];
      g.globalAlpha = 0.45 + (0.55 * Math.log1p(total(counts))) / Math.log1p(most);
      g.fillRect((place % w) * cell, Math.floor(place / w) * cell, cell, cell);
    }
    g.globalAlpha = 1;
  }

  function drawStars(g) {
    for (const [feature, said] of data.notes) {
      const row = data.place(feature),
        at = said.star && row !== undefined && spot(row);
      if (at) {
        g.fillStyle = INK.second;
        g.textAlign = "center";
        g.fillText("★", at[0], at[1] + 4);
      }
    }
  }

  function inView() {
    let n = 0;
    for (const row of state.all) {
      const at = spot(row);
      if (at && !at[2]) n++;
    }
    return n;
  }

  // The null as an outline: where a smoothed count of its features is above a tenth of one.
  function drawOutline(g, null_, i) {
    const xs = null_[state.axes[0]],
      ys = null_[state.axes[1]];
    if (!xs || !ys) return;
    const size = 7,
      w = Math.ceil(box.width / size) + 2,
      rows = Math.ceil(box.height / size) + 2;
    let cells = new Float32Array(w * rows);
    for (let k = 0; k < xs.length; k++) {
      const x = across(state.view[0].put(xs[k])),
        y = down(state.view[1].put(ys[k]));
      if (x >= pad.left && x <= box.width - pad.right && y >= pad.top && y <= box.height - pad.bottom)
        cells[Math.round(y / size) * w + Math.round(x / size)]++;
    }
    const smooth = new Float32Array(w * rows);
    for (let r = 1; r < rows - 1; r++)
      for (let c = 1; c < w - 1; c++)
        for (let dr = -1; dr <= 1; dr++)
          for (let dc = -1; dc <= 1; dc++)
            smooth[r * w + c] += cells[(r + dr) * w + c + dc] / (1 + Math.abs(dr) + Math.abs(dc));
    g.strokeStyle = INK.null;
    g.lineWidth = 1.3;
    g.setLineDash(i ? [4, 3] : []);
    g.beginPath();
    const over = (r, c) => smooth[r * w + c] >= 0.3;
    for (let r = 1; r < rows; r++)
      for (let c = 1; c < w; c++) {
        if (over(r, c) !== over(r, c - 1)) {
          g.moveTo((c - 0.5) * size, (r - 0.5) * size);
          g.lineTo((c - 0.5) * size, (r + 0.5) * size);
        }
        if (over(r, c) !== over(r - 1, c)) {
          g.moveTo((c - 0.5) * size, (r - 0.5) * size);
          g.lineTo((c + 0.5) * size, (r - 0.5) * size);
        }
      }
    g.stroke();
    g.setLineDash([]);
  }

  function drawPicked(g, style) {
    const at = state.picked === null ? null : spot(state.picked);
    if (!at) return;
    g.strokeStyle = style.getPropertyValue("--cc-text").trim() || "#1c2024";
    g.lineWidth = 2;
    g.beginPath();
    g.arc(at[0], at[1], 7, 0, 7);
    g.stroke();
    g.fillStyle = inkOf(state.picked);
    g.beginPath();
    g.arc(at[0], at[1], 3.5, 0, 7);
    g.fill();
  }

  // The nearest feature that passes the filter, within some pixels.
  function nearest(px, py, within) {
    let best = null,
      least = within * within;
    for (const row of state.rows) {
      const at = spot(row);
      if (!at) continue;
      const distance = (at[0] - px) ** 2 + (at[1] - py) ** 2;
      if (distance < least) [best, least] = [row, distance];
    }
    return best;
  }

  const where = (event) => {
    const frame = canvas.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };

  function zoom(factor, px = (box.width + pad.left) / 2, py = box.height / 2) {
    if (!state.view) return;
    const [x, y] = [acrossBack(px), downBack(py)];
    for (const [axis, v] of [
      [state.view[0], x],
      [state.view[1], y],
    ]) {
      axis.low = v - (v - axis.low) * factor;
      axis.high = v + (axis.high - v) * factor;
    }
    redraw();
  }

  canvas.onpointerdown = (event) => {
    if (event.button || !state.view) return;
    const [x, y] = where(event);
    dragging = { x, y, moved: false, pan: event.shiftKey };
    canvas.setPointerCapture(event.pointerId);
  };
  canvas.onpointermove = (event) => {
    if (!state.view) return;
    const [x, y] = where(event);
    if (!dragging) {
      const row = nearest(x, y, 9);
      canvas.style.cursor = row === null ? "crosshair" : "pointer";
      if (row === null) tooltip.hide();
      else
        tooltip.show(
          canvas,
          [
            `#${data.features[row]}  ${data.notes.get(data.features[row])?.label ?? ""}`,
            ...[0, 1].map((i) => `${column(i).label}: ${number(column(i).values[row], 4)}`),
          ],
          spot(row),
        );
      return;
    }
    dragging.moved ||= Math.hypot(x - dragging.x, y - dragging.y) > 4;
    if (!dragging.moved) return;
    tooltip.hide();
    if (dragging.pan) {
      const [dx, dy] = [acrossBack(dragging.x) - acrossBack(x), downBack(dragging.y) - downBack(y)];
      state.view[0].low += dx;
      state.view[0].high += dx;
      state.view[1].low += dy;
      state.view[1].high += dy;
      Object.assign(dragging, { x, y });
    } else
      state.brush = {
        x0: dragging.x,
        y0: dragging.y,
        x1: clamp(x, pad.left, box.width - pad.right),
        y1: clamp(y, pad.top, box.height - pad.bottom),
      };
    if (dragging.pan) redraw();
    else repaint();
  };
  canvas.onpointerup = (event) => {
    if (!dragging) return;
    const { moved, pan } = dragging,
      brush = state.brush,
      [x, y] = where(event);
    dragging = state.brush = null;
    if (!state.view) return;
    if (!moved) {
      const row = nearest(x, y, 15);
      if (row !== null) onPick(row);
      return;
    }
    repaint();
    if (pan || !brush) return;
    const back = (axis, v) => (axis.log ? 10 ** v : v);
    onBrush(
      [
        [0, acrossBack(Math.min(brush.x0, brush.x1)), acrossBack(Math.max(brush.x0, brush.x1))],
        [1, downBack(Math.max(brush.y0, brush.y1)), downBack(Math.min(brush.y0, brush.y1))],
      ].map(([i, low, high]) => ({
        name: state.axes[i],
        label: column(i).label,
        low: back(state.view[i], low),
        high: back(state.view[i], high),
      })),
    );
  };
  canvas.onpointerleave = () => tooltip.hide();
  canvas.ondblclick = () => {
    refit();
    redraw();
  };
  // A wheel that began to turn elsewhere scrolls the page on, also over the map.
  const elsewhere = (event) => {
    if (event.target !== canvas) scrolled = performance.now();
  };
  window.addEventListener("wheel", elsewhere, { passive: true, capture: true });
  canvas.addEventListener(
    "wheel",
    (event) => {
      if (performance.now() - scrolled < 300) {
        scrolled = performance.now();
        return;
      }
      event.preventDefault();
      zoom(Math.exp(clamp(event.deltaY, -100, 100) / 400), ...where(event));
    },
    { passive: false },
  );

  const STEPS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  function key(event) {
    if (event.key === "+" || event.key === "=") zoom(0.8);
    else if (event.key === "-") zoom(1.25);
    else if (event.key === "0") {
      refit();
      redraw();
    } else if (STEPS[event.key] && state.view) {
      const [dx, dy] = STEPS[event.key],
        from = (state.picked !== null && spot(state.picked)) || [box.width / 2, box.height / 2];
      let best = null,
        least = Infinity;
      for (const row of state.rows) {
        const at = spot(row);
        if (!at || row === state.picked) continue;
        const ahead = (at[0] - from[0]) * dx + (at[1] - from[1]) * dy,
          aside = Math.abs((at[0] - from[0]) * dy) + Math.abs((at[1] - from[1]) * dx);
        if (ahead > 0.5 && aside <= ahead && ahead + 2 * aside < least) [best, least] = [row, ahead + 2 * aside];
      }
      if (best !== null) onPick(best);
    } else if ((event.key === "Enter" || event.key === " ") && state.rows.length && state.picked === null)
      onPick(state.rows[0]);
    else return false;
    return true;
  }

  const numbers = [...data.about.values()].filter((c) => c.kind === "number");
  // Nothing can be drawn until the column is here.
  function choose(i, name) {
    state.axes[i] = name;
    state.view = null;
    redraw();
    onAxes(state.axes);
  }
  const chooser = (i) =>
    h(
      "select",
      {
        className: "cc-axis",
        "aria-label": i ? "vertical axis" : "horizontal axis",
        onchange: (e) => choose(i, e.target.value),
      },
      ...numbers.map((c) =>
        h(
          "option",
          { value: c.name, selected: c.name === state.axes[i] },
          c.label.length > 46 ? `${c.label.slice(0, 45)}…` : c.label,
        ),
      ),
    );
  const unit = h(
    "button",
    {
      type: "button",
      className: "cc-unit",
      "aria-pressed": "false",
      title: "axes from 0 to 1 (a cosine from -1), or fitted to the features",
      onclick: () => {
        state.fitted = !state.fitted;
        unit.setAttribute("aria-pressed", String(!state.fitted));
        refit();
        redraw();
      },
    },
    "0 to 1",
  );
  const button = (text, label, action) =>
    h("button", { type: "button", "aria-label": label, title: label, onclick: action }, text);
  const ends = meta.names.length === 2 ? [`only ${meta.names[0]}`, `only ${meta.names[1]}`] : [];
  const ends_el = h(
    "div",
    { className: "cc-ends", hidden: state.axes[0] !== "rel_norm" || !ends.length },
    apart(`← ${ends[0]}`, "cc-of-first"),
    apart(`${ends[1]} →`, "cc-of-second"),
  );
  const el = h(
    "div",
    { className: "cc-map" },
    h(
      "div",
      { className: "cc-map-tools" },
      ...(numbers.length > 1 ? [chooser(1), h("span", { className: "cc-hint" }, "against"), chooser(0)] : []),
      h("span", { className: "cc-gap" }),
      unit,
      button("+", "zoom in", () => zoom(0.8)),
      button("−", "zoom out", () => zoom(1.25)),
      button("⟲", "fit again", () => {
        refit();
        redraw();
      }),
    ),
    h("div", { className: "cc-plane" }, canvas),
    ends_el,
    h(
      "div",
      { className: "cc-map-foot" },
      ...meta.classes
        .filter(([name]) => name !== "dead" && meta.names.length)
        .map(([name, label]) =>
          h("span", { className: "cc-class-key" }, h("i", { style: { background: inkOfClass(name) } }), apart(label)),
        ),
      ...(nulls.length
        ? [h("span", { className: "cc-null-key" }, "grey outline: "), apart(meta.nulls.join(", ")), "; "]
        : []),
      h("span", {}, "drag to filter, wheel or + − to zoom, arrow keys to walk"),
    ),
  );

  canvas.spotOf = (feature) => spot(data.place(feature)); // where a feature is drawn, for whoever drives the page
  const resized = new ResizeObserver(redraw);
  resized.observe(canvas);
  return {
    el,
    key,
    canvas,
    redraw,
    show(rows, all) {
      state.rows = rows;
      if (all !== state.all) {
        state.all = all;
        refit();
      }
      if (!state.view) refit();
      describe();
      redraw();
    },
    axes() {
      refit();
      ends_el.hidden = state.axes[0] !== "rel_norm" || !ends.length;
      describe();
      redraw();
    },
    pick(row) {
      state.picked = row;
      repaint();
    },
    close() {
      resized.disconnect();
      window.removeEventListener("wheel", elsewhere, { capture: true });
    },
  };
  function describe() {
    const label = (i) => column(i)?.label ?? "nothing";
    canvas.setAttribute(
      "aria-label",
      `Map of ${count(state.rows.length)} features, ${label(1)} against ${label(0)}. ` +
        "Arrow keys go to the next feature in a direction, plus and minus zoom, 0 fits.",
    );
  }
}

// ---- examples ----------------------------------------------------------------------------------------

const LANE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];
const shade = (act, most) => (0.16 + 0.84 * clamp(act / (most || 1), 0, 1)).toFixed(3);
const shareText = (names, shares) => shares.map((s, i) => `${names[i]} ${percent(s)}`).join(" · ");

// A token; below it a lane for each model, as long as its part of the activation is large.
function drawToken(example, i, card, open, tooltip) {
  const peak = i === example.position,
    act = example.acts[i],
    parts = example.parts?.[i];
  // A line break is drawn as a sign; in an opened example it also breaks the line. A token that is only a part of a
  // character has no text of its own: the character stands at the last of its tokens.
  const text = example.tokens[i].replace(/\n/g, open ? "↵\n" : "↵").replace(/\t/g, "⇥") || "·";
  const span = h("span", { className: peak ? "cc-token cc-peak" : "cc-token" }, text);
  if (act > 0) {
    span.style.setProperty("--cc-act", shade(act, card.max_act));
    span.classList.add("cc-on");
  }
  if (parts && (act > 0 || peak)) {
    const most = Math.max(...parts.map(Math.abs), card.max_act) || 1;
    span.style.backgroundImage = parts
      .map((v, lane) => {
        const c = LANE[lane];
        return `linear-gradient(${c}, ${c})`;
      })
      .join(", ");
    span.style.backgroundSize = parts.map((v) => `${(100 * clamp(v / most, 0, 1)).toFixed(1)}% 3px`).join(", ");
    span.style.backgroundPosition = parts
      .map((v, lane) => `0 calc(100% - ${(parts.length - 1 - lane) * 3}px)`)
      .join(", ");
    span.style.backgroundRepeat = "no-repeat";
    span.classList.add("cc-lanes");
  }
  tooltip.on(span, () => [
    `${example.tokens[i] ? `“${example.tokens[i]}”` : "part of a character"}  id ${example.ids[i]}, ` +
      `token ${example.first + i + 1} of ${example.length}`,
    `activation ${number(act)}`,
    ...(parts ? [card.sites.map((name, k) => `${name} gives ${number(parts[k])}`).join(", ")] : []),
    ...(peak && !parts && example.shares.length ? [shareText(card.sites, example.shares)] : []),
  ]);
  return span;
}

function exampleTokens(example, card, open, tooltip) {
  const from = open ? 0 : Math.max(0, example.position - SHOWN),
    to = open ? example.tokens.length : Math.min(example.tokens.length, example.position + SHOWN + 1);
  const spans = [];
  if (from + example.first > 0) spans.push(h("span", { className: "cc-more" }, "… "));
  for (let i = from; i < to; i++) spans.push(drawToken(example, i, card, open, tooltip));
  if (to + example.first < example.length) spans.push(h("span", { className: "cc-more" }, " …"));
  return spans;
}

// An example opens at a click: first what the page has, then the whole window, where a kernel can give it.
function drawExample(example, card, { tooltip, whole, guard }) {
  const text = h("div", { className: "cc-text", dir: "auto" }),
    total = example.shares.reduce((a, s) => a + Math.max(0, s), 0) || 1;
  const bar = h(
    "div",
    {
      className: "cc-share",
      hidden: !example.act || !example.shares.length,
      title: `at the peak: ${shareText(card.sites, example.shares)}`,
    },
    ...example.shares.map((s, i) =>
      h("div", { style: { width: `${(100 * Math.max(0, s)) / total}%`, background: LANE[i % 4] } }),
    ),
  );
  const el = h(
    "div",
    { className: "cc-example", tabIndex: 0, role: "button" },
    h("div", { className: "cc-peak-act" }, example.act ? number(example.act) : "silent", bar),
    text,
    h("div", { className: "cc-doc" }, `doc ${example.doc}`),
  );
  async function draw(open) {
    el.setAttribute("aria-expanded", String(open));
    text.replaceChildren(...exampleTokens(example, card, open, tooltip));
    if (!open || !whole || example.tokens.length === example.length) return;
    Object.assign(example, await whole(example));
    if (el.getAttribute("aria-expanded") === "true")
      text.replaceChildren(...exampleTokens(example, card, true, tooltip));
  }
  el.onclick = guard(() => {
    if (String(getSelection()) === "") return draw(el.getAttribute("aria-expanded") !== "true");
  });
  draw(false);
  return el;
}

const GROUPS = [
  ["strongest", "Strongest", "the texts on which it fires most"],
  [
    "strengths",
    "Every strength",
    "drawn at random from each interval of activation, with the share of its whole activation that lies there",
  ],
  [
    "lookalikes",
    "Counter-examples",
    "texts with a token of its examples, or with the features that fire beside it, in which it is silent",
  ],
  ["random", "Random, silent", "texts in which it is silent, drawn at random"],
];

// ---- the card ------------------------------------------------------------------------------------------

function drawHistogram({ edges, counts }) {
  const most = Math.log1p(Math.max(...counts));
  const bars = counts.map((n, i) =>
    h("div", {
      className: "cc-bar",
      style: { height: `${(100 * Math.log1p(n)) / most}%` },
      title: `${number(edges[i])} to ${number(edges[i + 1])}: ${count(n)} tokens`,
    }),
  );
  const total = count(counts.reduce((a, n) => a + n, 0));
  return h(
    "figure",
    { className: "cc-histogram" },
    h(
      "div",
      {
        className: "cc-bars",
        role: "img",
        "aria-label":
          `histogram of its activations on ${total} tokens, ` + `from ${number(edges[0])} to ${number(edges.at(-1))}`,
      },
      ...bars,
    ),
    h(
      "div",
      { className: "cc-scale-ends" },
      h("span", {}, number(edges[0])),
      h("span", {}, `activation where it fires, ${total} tokens (both axes logarithmic)`),
      h("span", {}, number(edges.at(-1))),
    ),
  );
}

// A value on a scale, with its interval, and the mark from which on it means something.
function drawMeasure({ name, value, interval, scale: [low, high], mark, log }, column) {
  const put = log ? Math.log10 : (v) => v,
    at = (v) => 100 * clamp((put(Math.max(v, log ? low : -Infinity)) - put(low)) / (put(high) - put(low)), 0, 1);
  const ends = interval.length
    ? [
        h("div", {
          className: "cc-interval",
          style: { left: `${at(interval[0])}%`, width: `${Math.max(0.5, at(interval[1]) - at(interval[0]))}%` },
        }),
      ]
    : [];
  return h(
    "div",
    { className: "cc-measure", title: column.help },
    h("div", { className: "cc-measure-name" }, apart(column.label)),
    h(
      "div",
      { className: "cc-track" },
      ...(mark === null ? [] : [h("div", { className: "cc-mark", style: { left: `${at(mark)}%` } })]),
      ...ends,
      h("div", { className: "cc-knob", style: { left: `${at(value)}%` } }),
    ),
    h(
      "div",
      { className: "cc-measure-value" },
      number(value),
      h(
        "span",
        { className: "cc-hint" },
        interval.length ? ` ${number(interval[0], 2)} to ${number(interval[1], 2)}` : "",
      ),
    ),
  );
}

function drawLens({ sites, note }) {
  if (!sites.length) return [h("p", { className: "cc-note" }, note)];
  const others = (site, end) => new Set(sites.filter((s) => s !== site).flatMap((s) => s[end]));
  const list = (site, end) =>
    h(
      "ol",
      { className: "cc-tokens" },
      ...site[end].map((token) =>
        h(
          "li",
          {
            className: others(site, end).has(token) ? "" : "cc-own",
            title: others(site, end).has(token) ? "" : "only here",
          },
          apart(token.replace(/\n/g, "↵") || "·"),
        ),
      ),
    );
  return [
    h(
      "div",
      { className: "cc-lens" },
      ...sites.map((site) =>
        h(
          "div",
          {},
          h("div", { className: "cc-label" }, apart(site.label)),
          h(
            "div",
            { className: "cc-lens-ends" },
            h(
              "div",
              {},
              h("div", { className: "cc-hint" }, `likelier (first: ${number(site.z[0], 2)} σ)`),
              list(site, "promoted"),
            ),
            h(
              "div",
              {},
              h("div", { className: "cc-hint" }, `less likely (${number(site.z[1], 2)} σ)`),
              list(site, "suppressed"),
            ),
          ),
        ),
      ),
    ),
    h("p", { className: "cc-hint" }, "logit lens of the decoder; bold: not in the other list"),
  ];
}

function drawNeighbours({ nearest, company, note }, go) {
  const link = (feature, text) =>
    h(
      "button",
      { type: "button", className: "cc-near", onclick: () => go(feature) },
      `#${feature} `,
      h("span", { className: "cc-hint" }, text),
    );
  if (note) return [h("p", { className: "cc-note" }, note)];
  return [
    h(
      "div",
      { className: "cc-row" },
      h("span", { className: "cc-label" }, "nearest directions"),
      ...nearest.map(([f, cosine]) => link(f, number(cosine, 2))),
    ),
    h(
      "div",
      { className: "cc-row" },
      h("span", { className: "cc-label" }, "fire with it at its peaks"),
      ...(company.length ? company.map(([f, n, of]) => link(f, `${n} of ${of}`)) : ["none"]),
    ),
  ];
}

function drawProfile({ sites, norms, cosines }) {
  const most = Math.max(...norms) || 1;
  const bars = h(
    "div",
    {
      className: "cc-profile",
      role: "img",
      "aria-label": `decoder norm at each place: ${sites.map((s, i) => `${s} ${number(norms[i], 2)}`).join(", ")}`,
    },
    ...norms.map((v, i) =>
      h(
        "div",
        { className: "cc-profile-bar", title: `${sites[i]}: ${number(v, 3)} of its largest norm` },
        h("div", { style: { height: `${(100 * v) / most}%` } }),
      ),
    ),
  );
  const parts = [
    h("div", { className: "cc-label" }, "decoder norm at each place, as a share of the largest"),
    bars,
    h("div", { className: "cc-scale-ends" }, apart(sites[0]), apart(sites.at(-1))),
  ];
  if (cosines) {
    const colour = (v) => (v >= 0 ? `rgba(0, 114, 178, ${v.toFixed(3)})` : `rgba(213, 94, 0, ${(-v).toFixed(3)})`);
    parts.push(
      h("div", { className: "cc-label" }, "cosine between its directions there"),
      h(
        "table",
        { className: "cc-matrix", "aria-label": "cosines" },
        ...cosines.values.map((line, i) =>
          h(
            "tr",
            {},
            ...line.map((v, j) =>
              h(
                "td",
                {
                  style: { backgroundColor: colour(v) },
                  title: `${cosines.sites[i]} and ${cosines.sites[j]}: ${number(v, 3)}`,
                },
                cosines.sites.length > 8 ? "" : number(v, 2),
              ),
            ),
          ),
        ),
      ),
    );
  }
  return parts;
}

// ---- the whole view --------------------------------------------------------------------------------------

// `source` answers: card(feature), group(feature, name), lens(feature), neighbours(feature), search(text), and where
// there is a kernel whole(feature, example), column(name), cells(features, names), write(feature, said).
// Returns { select, ready, map, data, first, stale, close }.
function show(root, { meta, columns, texts, source, onSelect, link }) {
  const data = makeData(meta, columns, texts, source),
    names = meta.names;
  const nulls = meta.nulls.map((_, i) =>
    Object.fromEntries(
      Object.keys(columns)
        .filter((key) => key.startsWith(`${i}/`))
        .map((key) => [key.slice(`${i}/`.length), columns[key]]),
    ),
  );
  const shownAs = (text) => meta.only[text] ?? text;
  const fired = data.few.some((n) => n >= 10) ? "10" : "0";
  const state = {
    rows: [],
    sort: meta.sort,
    down: true,
    page: 0,
    row: null,
    ticket: 0,
    drawn: 0,
    filtered: 0,
    brush: null,
    group: "strongest",
    columns: meta.table.slice(),
  };

  // An error in a handler would be seen by nobody: it is shown in the panel.
  const problem = h("div", { className: "cc-problem", role: "alert", hidden: true });
  function complain(error) {
    problem.hidden = false;
    problem.replaceChildren(
      h("details", {}, h("summary", {}, apart(String(error.message ?? error))), h("pre", {}, error.stack ?? "")),
    );
  }
  const guard =
    (action) =>
    (...args) => {
      try {
        const done = action(...args);
        if (done?.catch) done.catch(complain);
        return done;
      } catch (error) {
        complain(error);
      }
    };

  const tip = h("div", { className: "cc-tip", role: "tooltip", hidden: true });
  const tooltip = {
    show(el, lines, at = null) {
      tip.hidden = false;
      tip.replaceChildren(...lines.map((line) => h("div", {}, apart(line))));
      const box = el.getBoundingClientRect(),
        frame = root.getBoundingClientRect();
      const [x, y] = at ? [box.left + at[0] + 10, box.top + at[1] + 6] : [box.left, box.bottom + 4];
      Object.assign(tip.style, {
        left: `${clamp(x - frame.left, 0, Math.max(0, frame.width - tip.offsetWidth))}px`,
        top: `${y - frame.top}px`,
      });
    },
    hide() {
      tip.hidden = true;
    },
    on(el, lines) {
      el.onmouseenter = () => tooltip.show(el, lines());
      el.onmouseleave = tooltip.hide;
    },
  };

  // ---- the table
  const head = h("tr"),
    body = h("tbody"),
    found = h("span", { className: "cc-found", role: "status" });
  const filterBox = h("input", {
    className: "cc-filter",
    type: "text",
    spellcheck: false,
    autocomplete: "off",
    placeholder: 'rel_norm > 0.9 and (density > 1e-4 or label ~ "sorry")',
    "aria-label": "filter",
    title:
      "conditions with and, or, not, parentheses and ranges such as 0.1 < rel_norm < 0.3; " +
      'text ~ "words" searches the examples, label ~ "words" the labels; or the number of a feature. Enter applies.',
  });
  const classBox = h(
    "select",
    { className: "cc-class", "aria-label": "class", hidden: !meta.classes.length },
    h("option", { value: "" }, `all classes (${count(meta.rows)})`),
    ...meta.classes.map(([value, label, n]) => h("option", { value }, `${label} (${count(n)})`)),
  );
  const firedBox = h(
    "select",
    { className: "cc-fired", "aria-label": "how often it fired", hidden: data.few.every((n) => n === 255) },
    ...[
      ["0", "fired or not"],
      ["1", "fired at all"],
      ["10", "fired 10 times or more"],
      ["100", "fired 100 times or more"],
    ].map(([value, label]) => h("option", { value, selected: value === fired }, label)),
  );
  const filterError = h("div", { className: "cc-filter-error", role: "alert", hidden: true }),
    chips = h("div", { className: "cc-chips" });

  const isWord = (column) => column.kind === "text" || column.kind === "note";

  function drawHead() {
    head.replaceChildren(
      ...state.columns.map((name) => {
        const column = data.about.get(name),
          sorted = state.sort === name;
        const button = h(
          "button",
          { type: "button", title: column.help, "data-column": name, onclick: guard(() => sortBy(name)) },
          apart(column.label, "cc-head-text"),
          h("span", { className: "cc-arrow", "aria-hidden": "true" }, sorted ? (state.down ? " ▼" : " ▲") : ""),
        );
        return h(
          "th",
          {
            scope: "col",
            className: `${isWord(column) ? "cc-word" : ""} ${column.label.length > 24 ? "cc-long" : ""}`,
            "aria-sort": sorted ? (state.down ? "descending" : "ascending") : "none",
          },
          button,
        );
      }),
    );
  }

  // The values of a page of rows: those of columns that are here, the others from the kernel.
  async function cellsOf(rows) {
    const absent = state.columns.filter((name) => {
      const c = data.about.get(name);
      return !c.values && c.kind !== "feature" && c.kind !== "note";
    });
    const asked =
      absent.length && rows.length
        ? await source.cells(
            rows.map((row) => data.features[row]),
            absent,
          )
        : {};
    return rows.map((row, i) =>
      state.columns.map((name) => {
        const column = data.about.get(name);
        if (column.kind === "feature") return data.features[row];
        return asked[name] ? asked[name][i] : data.value(column, row);
      }),
    );
  }

  const rowFocused = () =>
    Boolean(document.activeElement?.matches?.(".cc-row") && body.contains(document.activeElement));

  // The row of the selected feature, or else the first one, is the one that Tab reaches.
  function markRow(focused = rowFocused()) {
    const picked = String(data.features[state.row]),
      there = [...body.children].some((tr) => tr.dataset.feature === picked);
    [...body.children].forEach((tr, i) => {
      const own = tr.dataset.feature === picked;
      tr.classList.toggle("cc-selected", own);
      tr.setAttribute("aria-selected", String(own));
      tr.tabIndex = own || (i === 0 && !there) ? 0 : -1;
    });
    if (focused) body.querySelector('[tabindex="0"]')?.focus({ preventScroll: true });
  }

  async function drawRows() {
    const from = state.page * PAGE,
      rows = state.rows.slice(from, from + PAGE),
      drawn = ++state.drawn;
    const cells = await cellsOf(rows);
    if (drawn !== state.drawn) return; // another page was asked for meanwhile
    const digits = state.columns.map((name, k) =>
      data.about.get(name).kind === "number" ? digitsFor(cells.map((line) => line[k])) : 0,
    );
    const text = (name, v, k) => {
      const column = data.about.get(name);
      if (column.kind === "feature") return `#${v}${data.notes.get(v)?.star ? " ★" : ""}`;
      if (column.kind === "number") return number(v, digits[k]);
      return name === "star" ? (v ? "★" : "") : shownAs(String(v));
    };
    const focused = rowFocused();
    body.replaceChildren(
      ...rows.map((row, i) =>
        h(
          "tr",
          { className: "cc-row", "data-feature": data.features[row], onclick: guard(() => pick(row)) },
          ...cells[i].map((v, k) => {
            const c = data.about.get(state.columns[k]);
            const shown = text(state.columns[k], v, k);
            return h(
              "td",
              {
                className: c.kind === "number" ? "cc-number" : "cc-word",
                title: shown.length > 24 ? shown : undefined,
              },
              apart(shown),
            );
          }),
        ),
      ),
    );
    markRow(focused);
    const end = from + rows.length;
    found.textContent = rows.length
      ? `${count(from + 1)}–${count(end)} of ${count(state.rows.length)} (${count(meta.rows)} features)`
      : `none of ${count(meta.rows)} features`;
    empty.hidden = rows.length > 0;
    back.disabled = from === 0;
    next.disabled = end >= state.rows.length;
  }

  function turn(pages) {
    state.page = clamp(state.page + pages, 0, Math.max(0, Math.ceil(state.rows.length / PAGE) - 1));
    return drawRows();
  }
  const back = h(
    "button",
    { type: "button", className: "cc-back", "aria-label": "previous page", onclick: guard(() => turn(-1)) },
    "‹",
  );
  const next = h(
    "button",
    { type: "button", className: "cc-next", "aria-label": "next page", onclick: guard(() => turn(1)) },
    "›",
  );
  const empty = h(
    "p",
    { className: "cc-empty", hidden: true },
    "No feature passes all conditions. ",
    h("button", { type: "button", onclick: guard(() => clearAll()) }, "show all"),
  );

  async function sortBy(name) {
    state.down = state.sort === name ? !state.down : true;
    state.sort = name;
    state.page = 0;
    await data.need([name]);
    sortRows(data, state.rows, name, state.down);
    drawHead();
    return drawRows();
  }

  async function applyFilter() {
    let filter;
    try {
      filter = readFilter(filterBox.value, data, shownAs);
      filterError.hidden = true;
    } catch (error) {
      filterError.hidden = false;
      filterError.textContent =
        `${error.message}. Write conditions such as  rel_norm > 0.9 and density > 1e-4 . ` +
        `Columns: ${[...data.about.keys()].join(", ")}, text`;
      return;
    }
    const ticket = ++state.filtered,
      chosen = classBox.value,
      least = Number(firedBox.value),
      classOf = data.about.get("class");
    await data.need([
      ...filter.names,
      state.sort,
      ...(chosen ? ["class"] : []),
      ...(state.brush ?? []).map((side) => side.name),
    ]);
    for (const words of filter.words) {
      found.textContent = "searching the examples …";
      filter.found.set(words, new Set(await source.search(words)));
    }
    if (ticket !== state.filtered) return;
    const sides = (state.brush ?? []).map((side) => ({ ...side, values: data.about.get(side.name).values }));
    const rows = [];
    for (let row = 0; row < meta.rows; row++) {
      if (filter.alone) {
        if (filter.test(row)) rows.push(row);
        continue;
      } // a number finds its feature, whatever else is chosen
      if (data.few[row] < least || (chosen && data.value(classOf, row) !== chosen)) continue;
      if (sides.every(({ values, low, high }) => values[row] >= low && values[row] <= high) && filter.test(row))
        rows.push(row);
    }
    state.rows = sortRows(data, rows, state.sort, state.down);
    state.page = 0;
    drawChips();
    await showMap();
    return drawRows();
  }

  function clearAll() {
    filterBox.value = "";
    classBox.value = "";
    firedBox.value = "0";
    state.brush = null;
    return applyFilter();
  }

  // The brush is a condition like the others, to be seen and removed.
  function drawChips() {
    chips.replaceChildren(
      ...(state.brush
        ? [
            h(
              "button",
              {
                type: "button",
                className: "cc-chip",
                title: "remove this condition",
                onclick: guard(() => {
                  state.brush = null;
                  return applyFilter();
                }),
              },
              apart(
                state.brush.map((s) => `${s.label.split(" (")[0]} ${number(s.low)} to ${number(s.high)}`).join(", "),
              ),
              " ✕",
            ),
          ]
        : []),
    );
  }

  let everybody = [],
    least = null;
  async function showMap() {
    if (firedBox.value !== least) {
      least = firedBox.value;
      everybody = [];
      for (let row = 0; row < meta.rows; row++) if (data.few[row] >= Number(least)) everybody.push(row);
    }
    map.show(state.rows, everybody);
  }

  const map = makeMap({
    data,
    meta,
    nulls,
    tooltip,
    onPick: guard((row) => pick(row)),
    onBrush: guard((sides) => {
      state.brush = sides;
      return applyFilter();
    }),
    onAxes: guard(async (axes) => {
      await data.need(axes);
      map.axes();
    }),
  });

  // ---- the card
  const panel = h("div", { className: "cc-panel" }),
    contents = h("div", { className: "cc-contents", tabIndex: -1 });
  const section = (name, title, ...parts) =>
    h("section", { className: "cc-section", "data-section": name }, h("h4", {}, title), ...parts);

  function copy(text, button) {
    const done = () => {
      button.textContent = "copied";
      setTimeout(() => {
        button.textContent = button.dataset.text;
      }, 1500);
    };
    const byHand = () => {
      const area = h("textarea", { value: text, className: "cc-copied" });
      root.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      done();
    };
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, byHand);
    else byHand();
  }
  const copier = (label, title, text) => {
    const button = h(
      "button",
      { type: "button", title, "data-text": label, onclick: guard(() => copy(text(), button)) },
      label,
    );
    return button;
  };

  // Label, star and note: kept by the kernel as soon as they are written.
  async function write(feature, said) {
    const known = await source.write(feature, said);
    data.notes.set(feature, known);
    map.redraw();
    return drawRows();
  }

  function drawNotes(card) {
    const { feature } = card,
      said = data.notes.get(feature) ?? card.notes ?? {},
      can = Boolean(source.write);
    const star = h(
      "button",
      {
        type: "button",
        className: "cc-star",
        "aria-pressed": String(Boolean(said.star)),
        "aria-label": "star",
        title: "star this feature",
        disabled: !can,
      },
      said.star ? "★" : "☆",
    );
    star.onclick = guard(async () => {
      const on = star.getAttribute("aria-pressed") !== "true";
      await write(feature, { star: on });
      star.setAttribute("aria-pressed", String(on));
      star.textContent = on ? "★" : "☆";
    });
    const field = (tag, name, props) => {
      const el = h(tag, { value: said[name] ?? "", readOnly: !can, "aria-label": name, ...props });
      const keep = guard(async () => {
        if (el.value !== (data.notes.get(feature)?.[name] ?? "")) await write(feature, { [name]: el.value });
      });
      el.onblur = keep;
      el.onkeydown = (event) => {
        if (event.key === "Enter" && tag === "input") {
          keep();
          event.stopPropagation();
        }
      };
      return el;
    };
    return {
      star,
      label: field("input", "label", {
        className: "cc-said",
        type: "text",
        placeholder: can ? "label …" : "no label",
        dir: "auto",
      }),
      note: field("textarea", "note", {
        className: "cc-said",
        rows: 2,
        placeholder: can ? "note …" : "no note",
        dir: "auto",
      }),
    };
  }

  const waiting = (text = "loading …") => h("p", { className: "cc-note cc-loading" }, text);
  // Fill a part of the card when it comes, unless another card is shown by then; an error stays in this part.
  function later(el, current, promise, draw) {
    const late = setTimeout(() => {
      if (current()) el.replaceChildren(waiting("No answer yet: the kernel is busy or was stopped."));
    }, PATIENCE);
    return promise
      .then((found) => {
        if (current()) el.replaceChildren(...draw(found));
      })
      .catch((error) => {
        if (current())
          el.replaceChildren(
            h(
              "details",
              { className: "cc-problem" },
              h("summary", {}, apart(String(error.message ?? error))),
              h("pre", {}, error.stack ?? ""),
            ),
          );
      })
      .finally(() => clearTimeout(late));
  }

  function drawGroup(group, card) {
    if (!group.sections.length) return [h("p", { className: "cc-note" }, group.note)];
    const whole = source.whole ? (example) => source.whole(card.feature, example) : null;
    return group.sections.flatMap(({ title, examples }) => [
      ...(title ? [h("div", { className: "cc-part" }, title)] : []),
      ...(examples.length
        ? examples.map((example) => drawExample(example, card, { tooltip, whole, guard }))
        : [h("p", { className: "cc-hint" }, "no example of this strength was drawn")]),
    ]);
  }

  function drawExamples(card, current) {
    const list = h("div", { className: "cc-examples", role: "tabpanel", "aria-label": "examples" }),
      tabs = h("div", { className: "cc-tabs", role: "tablist" });
    const open = guard((name) => {
      state.group = name;
      for (const tab of tabs.children) {
        const on = tab.dataset.group === name;
        tab.setAttribute("aria-selected", String(on));
        tab.tabIndex = on ? 0 : -1;
      }
      if (name === "strongest") {
        list.replaceChildren(...drawGroup(card.strongest, card));
        return;
      }
      list.replaceChildren(waiting());
      return later(
        list,
        () => current() && state.group === name,
        source.group(card.feature, name),
        (group) => drawGroup(group, card),
      );
    });
    tabs.append(
      ...GROUPS.map(([name, label, help]) =>
        h("button", { type: "button", role: "tab", title: help, "data-group": name, onclick: () => open(name) }, label),
      ),
    );
    tabs.onkeydown = (event) => {
      const at = GROUPS.findIndex(([name]) => name === state.group),
        to = { ArrowRight: at + 1, ArrowLeft: at - 1 }[event.key];
      if (to === undefined) return;
      open(GROUPS[(to + GROUPS.length) % GROUPS.length][0]);
      tabs.querySelector('[aria-selected="true"]').focus();
      event.preventDefault();
      event.stopPropagation();
    };
    open(GROUPS.some(([name]) => name === state.group) ? state.group : "strongest");
    const key =
      card.sites.length > 1 && card.sites.length <= 4 && card.max_act
        ? card.sites.map((name, i) =>
            h("span", { className: "cc-key" }, h("i", { style: { background: LANE[i] } }), apart(name)),
          )
        : [];
    return section(
      "examples",
      "Where it fires",
      h(
        "div",
        { className: "cc-scale" },
        h("span", {}, "0"),
        h("div", { className: "cc-ramp" }),
        h("span", {}, number(card.max_act)),
        h("span", { className: "cc-hint" }, "activation"),
        ...key,
        ...(key.length ? [h("span", { className: "cc-hint" }, "each model's part")] : []),
      ),
      tabs,
      list,
    );
  }

  function drawCard(card, current) {
    const { facts } = card,
      parts = [];
    if (card.fires || card.histogram) parts.push(h("p", { className: "cc-fires" }, card.fires));
    if (card.histogram) parts.push(drawHistogram(card.histogram));
    parts.push(drawExamples(card, current));
    if (card.claim !== undefined)
      parts.push(
        section(
          "claim",
          facts.claimed
            ? h("span", {}, "Is it really only ", apart(facts.claimed), "?")
            : "Is it really only one model's?",
          h("p", { className: "cc-claim" }, apart(card.claim)),
          ...card.measures.map((m) => drawMeasure(m, data.about.get(m.name))),
          ...(facts.dispute ? [h("p", { className: "cc-dispute" }, apart(String(facts.dispute)))] : []),
        ),
      );
    if (card.profile) parts.push(section("profile", "Over places", ...drawProfile(card.profile)));
    if (card.group)
      parts.push(
        section(
          "group",
          "Its group",
          h(
            "p",
            { className: "cc-claim" },
            h("b", {}, apart(card.group.name)),
            `, ${count(card.group.n)} features: reads `,
            apart(card.group.reads.join(", ")),
            "; writes ",
            apart(card.group.writes.join(", ")),
            ".",
          ),
        ),
      );
    const lens = h("div", {}, waiting()),
      near = h("div", {}, waiting());
    parts.push(section("lens", "What its decoders say", lens), section("near", "Neighbours", near));
    later(near, current, source.neighbours(card.feature), (found) => drawNeighbours(found, guard(select)));
    later(lens, current, source.lens(card.feature), drawLens);
    const notes = drawNotes(card);
    parts.push(section("note", "Note", notes.note));
    parts.push(
      h(
        "details",
        { className: "cc-section" },
        h("summary", {}, "All numbers"),
        h(
          "dl",
          { className: "cc-facts" },
          ...Object.entries(facts).flatMap(([name, v]) => {
            const column = data.about.get(name);
            return [
              h("dt", { title: column?.help ?? "" }, apart(column?.label ?? name)),
              h("dd", {}, apart(typeof v === "string" ? shownAs(v) || "–" : number(v, 6))),
            ];
          }),
        ),
        h("p", { className: "cc-hint" }, meta.measured ? `measured on ${meta.measured}` : ""),
      ),
    );
    const badge = facts.class ? [h("span", { className: "cc-badge" }, apart(shownAs(facts.class)))] : [];
    const python = () =>
      `browser.selected = ${card.feature}\n` +
      `browser.df.loc[${card.feature}]          # its numbers\n` +
      `browser.examples.feature(${card.feature})   # its strongest texts`;
    title.replaceChildren(
      h("h3", {}, `#${card.feature}`),
      notes.star,
      ...badge,
      notes.label,
      copier("Python", "copy this feature as Python", python),
      ...(link ? [copier("link", "copy a link to this feature", () => link(card.feature))] : []),
      closer(),
    );
    lean.hidden = missing(facts.rel_norm) || names.length !== 2;
    if (!lean.hidden)
      lean.replaceChildren(
        apart(names[0], "cc-of-first"),
        h(
          "div",
          { className: "cc-track cc-leaning" },
          h("div", { className: "cc-knob", style: { left: `${100 * clamp(facts.rel_norm, 0, 1)}%` } }),
        ),
        apart(names[1], "cc-of-second"),
        h("b", { title: data.about.get("rel_norm").help }, number(facts.rel_norm)),
      );
    contents.replaceChildren(...parts);
    contents.scrollTop = 0;
  }

  const title = h(
      "div",
      { className: "cc-title" },
      h("span", { className: "cc-hint" }, "Select a feature in the table or on the map."),
    ),
    lean = h("div", { className: "cc-lean", hidden: true });

  async function pick(row) {
    const feature = data.features[row],
      ticket = ++state.ticket,
      current = () => ticket === state.ticket; // a late reply is dropped
    state.row = row;
    const place = state.rows.indexOf(row),
      was = state.page;
    if (place >= 0) state.page = Math.floor(place / PAGE);
    if (state.page === was) markRow();
    else drawRows().catch(complain);
    map.pick(row);
    problem.hidden = true;
    tooltip.hide();
    panel.setAttribute("data-feature", feature);
    panel.removeAttribute("data-ready");
    panel.setAttribute("aria-busy", "true");
    root.classList.add("cc-open");
    const asked = source.card(feature); // before anybody else hears of the selection and keeps the kernel busy
    onSelect(feature);
    const slow = setTimeout(() => {
      if (current()) {
        title.replaceChildren(h("h3", {}, `#${feature}`));
        lean.hidden = true;
        contents.replaceChildren(waiting());
      }
    }, 250);
    const late = setTimeout(() => {
      if (current()) contents.replaceChildren(waiting("No answer yet: the kernel is busy or was stopped."));
    }, PATIENCE);
    try {
      const card = await asked;
      if (!current()) return;
      if (!card) {
        title.replaceChildren(h("h3", {}, `#${feature}`), closer());
        lean.hidden = true;
        contents.replaceChildren(h("p", { className: "cc-note" }, source.missing));
      } else drawCard(card, current);
      panel.setAttribute("data-ready", "");
    } catch (error) {
      if (current()) {
        title.replaceChildren(h("h3", {}, `#${feature}`), closer());
        lean.hidden = true;
        contents.replaceChildren();
        complain(error);
      }
    } finally {
      clearTimeout(slow);
      clearTimeout(late);
      if (current()) panel.removeAttribute("aria-busy");
    }
  }
  const closer = () =>
    h(
      "button",
      {
        type: "button",
        className: "cc-close",
        "aria-label": "close the card",
        onclick: () => root.classList.remove("cc-open"),
      },
      "✕",
    );

  function select(feature) {
    const row = data.place(feature);
    if (row === undefined) complain(new Error(`there is no feature ${feature} in this table`));
    else if (row !== state.row) return pick(row);
  }

  function step(by) {
    const place = state.rows.indexOf(state.row) + by;
    if (place >= 0 && place < state.rows.length) {
      pick(state.rows[place]);
      return true;
    }
  }

  filterBox.onkeydown = (event) => {
    if (event.key === "Enter") guard(applyFilter)();
  };
  classBox.onchange = firedBox.onchange = guard(applyFilter);
  const columnBox = h(
    "details",
    { className: "cc-choose" },
    h("summary", {}, "columns"),
    h(
      "div",
      { className: "cc-choices" },
      ...[...data.about.values()].map((c) =>
        h(
          "label",
          { title: c.help },
          h("input", {
            type: "checkbox",
            checked: state.columns.includes(c.name),
            disabled: c.name === "feature",
            onchange: guard((e) => {
              state.columns = e.target.checked
                ? [...state.columns, c.name]
                : state.columns.filter((name) => name !== c.name);
              drawHead();
              return drawRows();
            }),
          }),
          " ",
          apart(c.label),
        ),
      ),
    ),
  );

  root.classList.add("cc");
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  root.tabIndex = -1;
  root.onkeydown = guard((event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input, select, textarea")) return;
    let done = true;
    const { key } = event;
    if (event.target === map.canvas && map.key(event)) done = true;
    // JupyterLab keeps the browser's own Enter from reaching buttons, so it is handled here.
    else if ((key === "Enter" || key === " ") && event.target.matches("button, .cc-example, .cc-row, summary"))
      event.target.click();
    else if (key === "j" || (key === "ArrowDown" && event.target.matches(".cc-row"))) step(1);
    else if (key === "k" || (key === "ArrowUp" && event.target.matches(".cc-row"))) step(-1);
    else if (key === "Escape") {
      root.classList.remove("cc-open");
      tooltip.hide();
    } else if (key === "/") filterBox.focus();
    else done = false;
    if (done) {
      event.preventDefault();
      event.stopPropagation();
    }
  });

  const stale = h("div", { className: "cc-stale", role: "status", hidden: true });
  panel.append(title, lean, problem, contents);
  root.replaceChildren(
    h(
      "header",
      { className: "cc-head" },
      ...names.flatMap((name, i) => [
        ...(i ? [h("span", { className: "cc-hint" }, "vs")] : []),
        h("b", { className: i === 0 ? "cc-of-first" : i === 1 ? "cc-of-second" : "" }, apart(name)),
      ]),
      ...meta.facts.map(([label, value, help]) =>
        h("span", { className: "cc-item", title: help }, apart(label), " ", h("b", {}, apart(value))),
      ),
    ),
    ...meta.notices.map((text) => h("div", { className: "cc-notice", role: "note" }, apart(text))),
    stale,
    h(
      "div",
      { className: "cc-columns" },
      h(
        "section",
        { className: "cc-left", "aria-label": "features" },
        map.el,
        h("div", { className: "cc-tools" }, classBox, firedBox, columnBox, filterBox),
        filterError,
        chips,
        h("div", { className: "cc-scroll" }, h("table", { className: "cc-table" }, h("thead", {}, head), body), empty),
        h(
          "div",
          { className: "cc-pages" },
          back,
          next,
          found,
          h("span", { className: "cc-hint" }, "j k: next, previous   /: filter"),
        ),
      ),
      h("section", { className: "cc-right", "aria-label": "feature" }, panel),
    ),
    tip,
  );
  drawHead();
  const ready = guard(applyFilter)();
  return {
    select,
    ready,
    map,
    data,
    first: () =>
      Promise.resolve(ready)
        .then(() => {
          if (state.rows.length && state.row === null) return pick(state.rows[0]);
        })
        .then(() => root.classList.remove("cc-open")),
    stale(text) {
      stale.hidden = !text;
      stale.replaceChildren(text);
    },
    close: map.close,
  };
}

// ---- the two hosts -----------------------------------------------------------------------------------------

// The notebook's file also keeps a page that needs no kernel, for whoever opens it later: a trusted notebook shows the
// widget or nothing, so this state of the widget, without the table, is written beside it when the notebook is saved.
function keepForLater(model) {
  const context = model.widget_manager?.context,
    id = model.get("_id");
  if (!context?.saveState || !id) return () => {};
  function keep(_, stage) {
    if (stage !== "started") return;
    const kind = "application/vnd.jupyter.widget-state+json",
      kept = structuredClone(context.model.getMetadata?.("widgets") ?? {});
    const all = kept[kind] ?? (kept[kind] = { version_major: 2, version_minor: 0, state: {} });
    all.state[id] = {
      model_name: "AnyModel",
      model_module: "anywidget",
      model_module_version: model.get("_model_module_version"),
      state: {
        ...Object.fromEntries(
          [
            "_anywidget_id",
            "_dom_classes",
            "_model_module",
            "_model_module_version",
            "_model_name",
            "_view_module",
            "_view_module_version",
            "_view_name",
            "_esm",
            "_css",
            "_saved",
          ].map((name) => [name, model.get(name)]),
        ),
        selected: null,
      },
    };
    context.model.setMetadata("widgets", kept);
  }
  context.saveState.connect(keep);
  return () => context.saveState.disconnect(keep);
}

async function render({ model, el }) {
  const bytes = model.get("_block");
  if (!bytes || !bytes.byteLength) {
    // reopened without its kernel
    el.classList.add("cc", "cc-saved");
    const page = new DOMParser().parseFromString(model.get("_saved") ?? "", "text/html");
    page.querySelectorAll("script, style, link, iframe, object").forEach((odd) => odd.remove());
    el.replaceChildren(
      h(
        "div",
        { className: "cc-stale", role: "status" },
        "The kernel that made this is gone: run the cell again for map, table and cards. This was kept:",
      ),
      ...page.body.childNodes,
    );
    return () => {};
  }
  const cards = new Map(),
    waiting = new Map(); // question -> answer, least recently used first; number -> who waits
  let asked = 0,
    dead = false;

  function ask(what, about = {}) {
    if (dead) return Promise.reject(new Error("The kernel was restarted or stopped. Run this cell again."));
    return new Promise((resolve, reject) => {
      waiting.set(++asked, { resolve, reject });
      model.send({ id: asked, ask: what, ...about });
    });
  }

  function receive({ id, answer, error, trace }, buffers) {
    const { resolve, reject } = waiting.get(id) ?? { resolve() {}, reject() {} };
    waiting.delete(id);
    if (error) reject(Object.assign(new Error(error), { stack: trace }));
    else
      resolve(
        buffers?.length ? new Uint8Array(buffers[0].buffer, buffers[0].byteOffset, buffers[0].byteLength) : answer,
      );
  }

  async function remembered(key, question) {
    const known = cards.get(key) ?? (await question());
    cards.delete(key);
    cards.set(key, known);
    if (cards.size > KEPT_CARDS) cards.delete(cards.keys().next().value);
    return known;
  }

  const source = {
    card: (feature) => remembered(`card ${feature}`, () => ask("card", { feature })),
    group: (feature, group) => remembered(`${group} ${feature}`, () => ask("group", { feature, group })),
    lens: (feature) => remembered(`lens ${feature}`, () => ask("lens", { feature })),
    neighbours: (feature) => remembered(`near ${feature}`, () => ask("neighbours", { feature })),
    whole: (feature, { window, position, first }) => ask("whole", { feature, window, position: position + first }),
    column: async (name) => unpack(await ask("column", { name })),
    cells: (features, names) => ask("cells", { features, names }),
    search: (text) => ask("search", { text }),
    write: (feature, said) => ask("write", { feature, said }),
  };
  el.replaceChildren(h("p", { className: "cc-note" }, "loading …"));
  el.classList.add("cc");
  const { contents, columns } = await unpack(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const view = show(el, {
    meta: contents.meta,
    columns,
    texts: contents.texts,
    source,
    onSelect(feature) {
      if (!dead && model.get("selected") !== feature) {
        model.set("selected", feature);
        model.save_changes();
      }
    },
  });
  const follow = () => {
    if (model.get("selected") !== null) view.select(model.get("selected"));
  };
  function watch() {
    dead = true;
    view.stale("The kernel was restarted or stopped: what is here stays, and the cell has to be run again for more.");
    for (const { reject } of waiting.values())
      reject(new Error("The kernel was restarted or stopped. Run this cell again."));
    waiting.clear();
  }
  model.on("msg:custom", receive);
  model.on("change:selected", follow);
  model.on("comm_live_update", watch);
  const forget = keepForLater(model);
  if (model.get("selected") === null) view.first();
  else follow();
  el.dispatchEvent(new CustomEvent("cc-ready", { bubbles: true }));
  return () => {
    model.off("msg:custom", receive);
    model.off("change:selected", follow);
    model.off("comm_live_update", watch);
    forget();
    view.close();
  };
}

// A page without a kernel: `text` is what `page_data` in Python gives.
export async function openPage(el, text) {
  const { contents, columns } = await unpack(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
  const { meta, cards, texts } = contents,
    asked = () => {
      const found = location.hash.match(/^#f=(\d+)$/);
      return found && Number(found[1]);
    };
  const has = (card, words) =>
    card.strongest.sections.some((s) =>
      s.examples.some((e) => e.tokens.join("").toLowerCase().includes(words.toLowerCase())),
    );
  const source = {
    missing: contents.missing,
    card: async (feature) => cards[feature] ?? null,
    group: async (feature, group) => cards[feature].groups[group],
    lens: async (feature) => cards[feature].lens,
    neighbours: async (feature) => cards[feature].neighbours,
    search: async (words) =>
      Object.values(cards)
        .filter((card) => has(card, words))
        .map((card) => card.feature),
  };
  const view = show(el, {
    meta,
    columns,
    texts,
    source,
    link: (feature) => `${location.href.split("#")[0]}#f=${feature}`,
    onSelect(feature) {
      if (asked() !== feature) history.replaceState(null, "", `#f=${feature}`);
    },
  });
  const follow = () => {
    if (asked() !== null) view.select(asked());
  };
  addEventListener("hashchange", follow);
  if (asked() === null) await view.first();
  else follow();
  return view;
}

export default { render };
