// ---- the map -----------------------------------------------------------------------------------------

const DOTS = 16_000; // from so many features on, the map counts them in cells instead of drawing each
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

// Canvas, buttons and keys of the map. `state` says what is shown: the axes, the part of the plane (`view`), the rows
// that pass (`rows`) among those drawn (`all`), the row that is selected, the rectangle that is being brushed.
class FeatureMap {
  pad = { left: 46, right: 8, top: 8, bottom: 34 };
  box = { width: 0, height: 0 };
  layer = null; // frame and features as drawn last; what is selected or brushed is drawn over them
  waiting = false; // to be drawn in the next frame
  dragging = null;
  scrolled = 0; // when the wheel last turned outside the map

  constructor({ data, meta, nulls, tooltip, onPick, onBrush, onAxes }) {
    Object.assign(this, { data, meta, nulls, tooltip, onPick, onBrush, onAxes });
    this.state = { axes: meta.axes.slice(), fitted: true, view: null, rows: [], all: [], picked: null, brush: null };
    this.classOf = data.about.get("class");
    this.whose = new Map(meta.classes.map(([name, , , of]) => [name, of]));
    this.inks = (this.classOf?.texts ?? []).map((name) => this.inkOfClass(name));
    this.canvas = h("canvas", { className: "cc-canvas", tabIndex: 0, role: "application" });
    this.canvas.spotOf = (feature) => this.spot(data.place(feature)); // for whoever drives the page
    this.el = this.elements();
    this.listen();
  }

  column(i) {
    return this.data.about.get(this.state.axes[i]);
  }
  inkOfClass(name) {
    return INK[this.whose.get(name) ?? "other"];
  }
  inkOf(row) {
    return this.inks.length ? this.inks[this.classOf.values[row]] : INK.first;
  }

  // ---- where things are

  get edges() {
    const { pad, box } = this;
    return { left: pad.left, right: box.width - pad.right, top: pad.top, bottom: box.height - pad.bottom };
  }

  refit() {
    const { state } = this,
      rows = state.all.length ? state.all : state.rows,
      there = this.column(0)?.values && this.column(1)?.values;
    state.view = there ? [0, 1].map((i) => makeAxis(this.column(i), rows, state.fitted)) : null;
  }

  across(v) {
    const { left, right } = this.edges,
      { low, high } = this.state.view[0];
    return left + ((v - low) / (high - low)) * (right - left);
  }
  down(v) {
    const { top, bottom } = this.edges,
      { low, high } = this.state.view[1];
    return bottom - ((v - low) / (high - low)) * (bottom - top);
  }
  acrossBack(px) {
    const { left, right } = this.edges,
      { low, high } = this.state.view[0];
    return low + ((px - left) / (right - left)) * (high - low);
  }
  downBack(py) {
    const { top, bottom } = this.edges,
      { low, high } = this.state.view[1];
    return low + ((bottom - py) / (bottom - top)) * (high - low);
  }

  // Where a feature is drawn: [x, y, whether it lies outside]; what lies outside is drawn at the edge.
  spot(row) {
    const { view } = this.state,
      { left, right, top, bottom } = this.edges;
    const [x, y] = [0, 1].map((i) => view[i].put(this.column(i).values[row]));
    if (Number.isNaN(x) || Number.isNaN(y)) return null;
    const [px, py] = [this.across(x), this.down(y)],
      [inX, inY] = [clamp(px, left, right), clamp(py, top, bottom)];
    return [inX, inY, inX !== px || inY !== py];
  }

  // The nearest feature that passes the filter, within some pixels.
  nearest(px, py, within) {
    let best = null,
      least = within * within;
    for (const row of this.state.rows) {
      const at = this.spot(row);
      if (!at) continue;
      const distance = (at[0] - px) ** 2 + (at[1] - py) ** 2;
      if (distance < least) [best, least] = [row, distance];
    }
    return best;
  }

  // The nearest feature in a direction, from the selected one or the middle.
  ahead([dx, dy]) {
    const { picked, rows } = this.state,
      from = (picked !== null && this.spot(picked)) || [this.box.width / 2, this.box.height / 2];
    let best = null,
      least = Infinity;
    for (const row of rows) {
      const at = row === picked ? null : this.spot(row);
      if (!at) continue;
      const ahead = (at[0] - from[0]) * dx + (at[1] - from[1]) * dy,
        aside = Math.abs((at[0] - from[0]) * dy) + Math.abs((at[1] - from[1]) * dx);
      if (ahead > 0.5 && aside <= ahead && ahead + 2 * aside < least) [best, least] = [row, ahead + 2 * aside];
    }
    return best;
  }

  inView() {
    let n = 0;
    for (const row of this.state.all) {
      const at = this.spot(row);
      if (at && !at[2]) n++;
    }
    return n;
  }

  // ---- drawing

  repaint() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => this.draw());
  }
  redraw() {
    this.layer = null;
    this.repaint();
  }

  draw() {
    const { canvas, state } = this;
    this.waiting = false;
    this.box = { width: canvas.clientWidth, height: canvas.clientHeight };
    if (!this.box.width || !this.box.height) return;
    const ratio = window.devicePixelRatio || 1,
      g = canvas.getContext("2d"),
      style = getComputedStyle(canvas),
      colour = (name) => style.getPropertyValue(`--cc-${name}`).trim();
    canvas.width = Math.round(this.box.width * ratio);
    canvas.height = Math.round(this.box.height * ratio);
    const look = [canvas.width, canvas.height, colour("dim"), colour("line")].join();
    if (this.layer?.look !== look) this.layer = Object.assign(this.drawLayer(ratio, colour), { look });
    g.drawImage(this.layer, 0, 0);
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (state.view) this.drawPicked(g, colour("text"));
    if (state.brush) this.drawBrush(g);
  }

  drawLayer(ratio, colour) {
    const { canvas, box } = this,
      drawn = h("canvas", { width: canvas.width, height: canvas.height }),
      g = drawn.getContext("2d"),
      { left, right, top, bottom } = this.edges;
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.font = "11px system-ui, sans-serif";
    g.fillStyle = colour("dim");
    if (!this.state.view) {
      const none = "This table has no two columns of numbers to draw a map of.";
      g.textAlign = "center";
      g.fillText(this.state.axes.length < 2 ? none : "loading …", box.width / 2, box.height / 2);
      return drawn;
    }
    this.state.axes.forEach((name, i) => name === "rel_norm" && this.meta.thresholds && this.drawBands(g, i));
    this.drawFrame(g, colour);
    g.beginPath();
    g.rect(left - 4, top - 4, right - left + 8, bottom - top + 8);
    g.clip();
    this.nulls.forEach((points, i) => this.drawOutline(g, points, i));
    this.drawFeatures(g);
    this.drawStars(g);
    return drawn;
  }

  // The classes of relative norm.
  drawBands(g, i) {
    const { left, right, top, bottom } = this.edges,
      { exclusive, shared } = this.meta.thresholds;
    for (const [begin, end, ink] of [
      [0, exclusive[0], "rgba(0, 114, 178, .10)"],
      [shared[0], shared[1], "rgba(107, 119, 133, .08)"],
      [exclusive[1], 1, "rgba(213, 94, 0, .10)"],
    ]) {
      g.fillStyle = ink;
      if (i === 0) {
        const [a, b] = [begin, end].map((v) => clamp(this.across(v), left, right));
        g.fillRect(a, top, b - a, bottom - top);
      } else {
        const [a, b] = [end, begin].map((v) => clamp(this.down(v), top, bottom));
        g.fillRect(left, a, right - left, b - a);
      }
    }
  }

  drawFrame(g, colour) {
    const { left, right, top, bottom } = this.edges;
    const line = (x0, y0, x1, y1) => {
      g.beginPath();
      g.moveTo(x0, y0);
      g.lineTo(x1, y1);
      g.stroke();
    };
    g.strokeStyle = colour("line");
    g.fillStyle = colour("dim");
    g.lineWidth = 1;
    g.strokeRect(left + 0.5, top + 0.5, right - left - 1, bottom - top - 1);
    for (const [v, label] of ticksOf(this.state.view[0], this.box.width / 90)) {
      const x = this.across(v);
      if (x < left - 1 || x > right + 1) continue;
      line(x, bottom, x, bottom + 4);
      g.textAlign = x > right - 14 ? "right" : "center";
      g.fillText(label, x, bottom + 15);
    }
    g.textAlign = "right";
    for (const [v, label] of ticksOf(this.state.view[1], this.box.height / 45)) {
      const y = this.down(v);
      if (y < top - 1 || y > bottom + 1) continue;
      line(left - 4, y, left, y);
      g.fillText(label, left - 6, clamp(y + 4, top + 8, bottom));
    }
  }

  drawFeatures(g) {
    const { rows, all } = this.state,
      passing = new Uint8Array(this.data.rows);
    for (const row of rows) passing[row] = 1;
    if (all.length > DOTS && this.inView() > DOTS) return this.drawCells(g, passing);
    for (const passes of [0, 1]) for (const row of all) if (passing[row] === passes) this.drawDot(g, row, passes);
  }

  // Outside the part of the plane that is shown: a ring at the edge.
  drawDot(g, row, passes) {
    const at = this.spot(row);
    if (!at) return;
    g.globalAlpha = passes ? 0.8 : 0.22;
    g.fillStyle = g.strokeStyle = passes ? this.inkOf(row) : INK.far;
    g.lineWidth = 1.2;
    g.beginPath();
    g.arc(at[0], at[1], at[2] ? 3 : this.state.all.length > 1000 ? 1.7 : 2.4, 0, 7);
    if (at[2]) g.stroke();
    else g.fill();
    g.globalAlpha = 1;
  }

  // Cells as dark as they hold many features, in the colour of the class that most of these have.
  drawCells(g, passing) {
    const size = 2,
      wide = Math.ceil(this.box.width / size),
      { cells, far, kinds } = this.countCells(passing, size, wide);
    const fill = (place) => g.fillRect((place % wide) * size, Math.floor(place / wide) * size, size, size),
      total = (counts) => counts.reduce((a, n) => a + n, 0);
    g.fillStyle = INK.far;
    g.globalAlpha = 0.25;
    for (const place of far) if (!cells.has(place)) fill(place);
    let most = 1;
    for (const counts of cells.values()) most = Math.max(most, total(counts));
    for (const [place, counts] of cells) {
      g.fillStyle = kinds[counts.indexOf(Math.max(...counts))];
      g.globalAlpha = 0.45 + (0.55 * Math.log1p(total(counts))) / Math.log1p(most);
      fill(place);
    }
    g.globalAlpha = 1;
  }

  // By place how many features of each colour; and the places of those that do not pass.
  countCells(passing, size, wide) {
    const kinds = [...new Set(this.inks.length ? this.inks : [INK.first])],
      cells = new Map(),
      far = new Set();
    for (const row of this.state.all) {
      const at = this.spot(row);
      if (!at) continue;
      const place = Math.floor(at[1] / size) * wide + Math.floor(at[0] / size);
      if (!passing[row]) {
        far.add(place);
        continue;
      }
      const counts = cells.get(place) ?? cells.set(place, new Float32Array(kinds.length)).get(place);
      counts[kinds.indexOf(this.inkOf(row))]++;
    }
    return { cells, far, kinds };
  }

  drawStars(g) {
    g.fillStyle = INK.second;
    g.textAlign = "center";
    for (const [feature, said] of this.data.notes) {
      const row = this.data.place(feature),
        at = said.star && row !== undefined && this.spot(row);
      if (at) g.fillText("★", at[0], at[1] + 4);
    }
  }

  // The null as an outline: where a smoothed count of its features is above a tenth of one.
  drawOutline(g, points, i) {
    const size = 7,
      wide = Math.ceil(this.box.width / size) + 2,
      high = Math.ceil(this.box.height / size) + 2,
      smooth = smoothed(this.countNull(points, size, wide, high), wide, high);
    const over = (r, c) => smooth[r * wide + c] >= 0.3;
    g.strokeStyle = INK.null;
    g.lineWidth = 1.3;
    g.setLineDash(i ? [4, 3] : []);
    g.beginPath();
    for (let r = 1; r < high; r++)
      for (let c = 1; c < wide; c++) {
        const [x, y] = [(c - 0.5) * size, (r - 0.5) * size];
        if (over(r, c) !== over(r, c - 1)) {
          g.moveTo(x, y);
          g.lineTo(x, y + size);
        }
        if (over(r, c) !== over(r - 1, c)) {
          g.moveTo(x, y);
          g.lineTo(x + size, y);
        }
      }
    g.stroke();
    g.setLineDash([]);
  }

  countNull(points, size, wide, high) {
    const { left, right, top, bottom } = this.edges,
      [xs, ys] = this.state.axes.map((name) => points[name]),
      cells = new Float32Array(wide * high);
    if (!xs || !ys) return cells;
    for (let k = 0; k < xs.length; k++) {
      const x = this.across(this.state.view[0].put(xs[k])),
        y = this.down(this.state.view[1].put(ys[k]));
      if (x >= left && x <= right && y >= top && y <= bottom)
        cells[Math.round(y / size) * wide + Math.round(x / size)]++;
    }
    return cells;
  }

  drawPicked(g, ink) {
    const { picked } = this.state,
      at = picked === null ? null : this.spot(picked);
    if (!at) return;
    g.strokeStyle = ink;
    g.lineWidth = 2;
    g.beginPath();
    g.arc(at[0], at[1], 7, 0, 7);
    g.stroke();
    g.fillStyle = this.inkOf(picked);
    g.beginPath();
    g.arc(at[0], at[1], 3.5, 0, 7);
    g.fill();
  }

  drawBrush(g) {
    const { x0, y0, x1, y1 } = this.state.brush,
      sides = [Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0)];
    g.strokeStyle = INK.first;
    g.lineWidth = 1.5;
    g.fillStyle = "rgba(0, 114, 178, .12)";
    g.fillRect(...sides);
    g.strokeRect(...sides);
  }

  // ---- pointer, wheel, keys

  zoom(factor, px = (this.box.width + this.pad.left) / 2, py = this.box.height / 2) {
    const { view } = this.state;
    if (!view) return;
    [this.acrossBack(px), this.downBack(py)].forEach((v, i) => {
      view[i].low = v - (v - view[i].low) * factor;
      view[i].high = v + (view[i].high - v) * factor;
    });
    this.redraw();
  }

  fit() {
    this.refit();
    this.redraw();
  }

  listen() {
    const { canvas } = this;
    const where = (event) => {
      const frame = canvas.getBoundingClientRect();
      return [event.clientX - frame.left, event.clientY - frame.top];
    };
    canvas.onpointerdown = (event) => {
      if (event.button || !this.state.view) return;
      const [x, y] = where(event);
      this.dragging = { x, y, moved: false, pan: event.shiftKey };
      canvas.setPointerCapture(event.pointerId);
    };
    canvas.onpointermove = (event) => {
      if (!this.state.view) return;
      if (this.dragging) this.drag(...where(event));
      else this.hover(...where(event));
    };
    canvas.onpointerup = (event) => this.dragging && this.release(...where(event));
    canvas.onpointerleave = () => this.tooltip.hide();
    canvas.ondblclick = () => this.fit();
    // A wheel that began to turn elsewhere scrolls the page on, also over the map.
    this.elsewhere = (event) => {
      if (event.target !== canvas) this.scrolled = performance.now();
    };
    window.addEventListener("wheel", this.elsewhere, { passive: true, capture: true });
    canvas.addEventListener("wheel", (event) => this.wheel(event, ...where(event)), { passive: false });
    this.resized = new ResizeObserver(() => this.redraw());
    this.resized.observe(canvas);
    this.themed = new MutationObserver(() => this.repaint()); // JupyterLab's theme, or the system's
    this.themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.scheme.onchange = () => this.repaint();
  }

  wheel(event, x, y) {
    if (performance.now() - this.scrolled < 300) {
      this.scrolled = performance.now();
      return;
    }
    event.preventDefault();
    this.zoom(Math.exp(clamp(event.deltaY, -100, 100) / 400), x, y);
  }

  hover(x, y) {
    const row = this.nearest(x, y, 9);
    this.canvas.style.cursor = row === null ? "crosshair" : "pointer";
    if (row === null) return this.tooltip.hide();
    const feature = this.data.features[row],
      value = (i) => `${this.column(i).label}: ${number(this.column(i).values[row], 4)}`;
    const lines = [`#${feature}  ${this.data.notes.get(feature)?.label ?? ""}`, value(0), value(1)];
    this.tooltip.show(this.canvas, lines, this.spot(row));
  }

  drag(x, y) {
    const { dragging, state, edges } = this;
    dragging.moved ||= Math.hypot(x - dragging.x, y - dragging.y) > 4;
    if (!dragging.moved) return;
    this.tooltip.hide();
    if (dragging.pan) return this.pan(x, y);
    const [x1, y1] = [clamp(x, edges.left, edges.right), clamp(y, edges.top, edges.bottom)];
    state.brush = { x0: dragging.x, y0: dragging.y, x1, y1 };
    this.repaint();
  }

  pan(x, y) {
    const { dragging } = this,
      moved = [this.acrossBack(dragging.x) - this.acrossBack(x), this.downBack(dragging.y) - this.downBack(y)];
    this.state.view.forEach((axis, i) => {
      axis.low += moved[i];
      axis.high += moved[i];
    });
    Object.assign(dragging, { x, y });
    this.redraw();
  }

  // A click selects, a rectangle filters.
  release(x, y) {
    const { moved } = this.dragging,
      { view, brush } = this.state;
    this.dragging = this.state.brush = null;
    if (!view) return;
    if (!moved) {
      const row = this.nearest(x, y, 15);
      if (row !== null) this.onPick(row);
      return;
    }
    this.repaint();
    if (brush) this.onBrush(this.sidesOf(brush));
  }

  // A rectangle as a range of values on each axis.
  sidesOf({ x0, y0, x1, y1 }) {
    const ends = [[x0, x1].map((px) => this.acrossBack(px)), [y0, y1].map((py) => this.downBack(py))];
    return ends.map((pair, i) => {
      const [low, high] = pair.sort((a, b) => a - b).map((v) => (this.state.view[i].log ? 10 ** v : v));
      return { name: this.state.axes[i], label: this.column(i).label, low, high };
    });
  }

  // What a key does on the map; whether it did anything.
  key({ key }) {
    const { state } = this;
    if (key === "+" || key === "=") this.zoom(0.8);
    else if (key === "-") this.zoom(1.25);
    else if (key === "0") this.fit();
    else if (STEPS[key] && state.view) {
      const row = this.ahead(STEPS[key]);
      if (row !== null) this.onPick(row);
    } else if ((key === "Enter" || key === " ") && state.rows.length && state.picked === null)
      this.onPick(state.rows[0]);
    else return false;
    return true;
  }

  // ---- elements around the canvas

  // Nothing can be drawn until the column is here.
  choose(i, name) {
    this.state.axes[i] = name;
    this.state.view = null;
    this.redraw();
    this.onAxes(this.state.axes);
  }

  chooser(i, numbers) {
    const option = (c) =>
      h("option", { value: c.name, selected: c.name === this.state.axes[i], title: c.label }, shortLabel(c));
    const onchange = (event) => this.choose(i, event.target.value);
    const label = i ? "vertical axis" : "horizontal axis";
    return h("select", { className: "cc-axis", "aria-label": label, onchange }, ...numbers.map(option));
  }

  tools() {
    const { state } = this,
      numbers = [...this.data.about.values()].filter((c) => c.kind === "number");
    const button = (text, label, action, props = {}) =>
      h("button", { type: "button", "aria-label": label, title: label, onclick: action, ...props }, text);
    const unit = button("0 to 1", undefined, () => this.unfit(unit), { className: "cc-unit", "aria-pressed": "false" });
    unit.title = "axes from 0 to 1 (a cosine from -1), or fitted to the features";
    const axes = [this.chooser(1, numbers), h("span", { className: "cc-hint" }, "against"), this.chooser(0, numbers)];
    return h(
      "div",
      { className: "cc-map-tools" },
      ...(numbers.length > 1 ? axes : []),
      h("span", { className: "cc-gap" }),
      unit,
      button("+", "zoom in", () => this.zoom(0.8)),
      button("−", "zoom out", () => this.zoom(1.25)),
      button("⟲", "fit again", () => this.fit()),
    );
  }

  unfit(unit) {
    this.state.fitted = !this.state.fitted;
    unit.setAttribute("aria-pressed", String(!this.state.fitted));
    this.fit();
  }

  foot() {
    const { meta } = this,
      classes = meta.classes.filter(([name]) => name !== "dead" && meta.names.length);
    const key = ([name, label]) =>
      h("span", { className: "cc-class-key" }, h("i", { style: { background: this.inkOfClass(name) } }), apart(label));
    const outline = [h("span", { className: "cc-null-key" }, "grey outline: "), apart(meta.nulls.join(", ")), "; "];
    return h(
      "div",
      { className: "cc-map-foot" },
      ...classes.map(key),
      ...(meta.nulls.length ? outline : []),
      h("span", {}, "drag to filter, wheel or + − to zoom, arrow keys to walk"),
    );
  }

  elements() {
    const [first, second] = this.meta.names;
    this.ends = h(
      "div",
      { className: "cc-ends" },
      apart(`← ${first} only`, "cc-of-first"),
      apart(`${second} only →`, "cc-of-second"),
    );
    this.hideEnds();
    const plane = h("div", { className: "cc-plane" }, this.canvas);
    return h("div", { className: "cc-map" }, this.tools(), plane, this.ends, this.foot());
  }

  hideEnds() {
    this.ends.hidden = this.state.axes[0] !== "rel_norm" || this.meta.names.length !== 2;
  }

  describe() {
    const label = (i) => this.column(i)?.label ?? "nothing";
    const text =
      `Map of ${count(this.state.rows.length)} features, ${label(1)} against ${label(0)}. ` +
      "Arrow keys go to the next feature in a direction, plus and minus zoom, 0 fits.";
    this.canvas.setAttribute("aria-label", text);
  }

  // ---- what the view tells the map

  show(rows, all) {
    const { state } = this,
      same = all === state.all;
    Object.assign(state, { rows, all });
    if (!same || !state.view) this.refit();
    this.describe();
    this.redraw();
  }

  // The columns of the axes are here.
  axes() {
    this.hideEnds();
    this.describe();
    this.fit();
  }

  pick(row) {
    this.state.picked = row;
    this.repaint();
  }

  close() {
    this.resized.disconnect();
    this.themed.disconnect();
    this.scheme.onchange = null;
    window.removeEventListener("wheel", this.elsewhere, { capture: true });
  }
}

const STEPS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Counts on a grid, each spread over its neighbours.
function smoothed(cells, wide, high) {
  const smooth = new Float32Array(wide * high);
  for (let r = 1; r < high - 1; r++)
    for (let c = 1; c < wide - 1; c++)
      for (let dr = -1; dr <= 1; dr++)
        for (let dc = -1; dc <= 1; dc++)
          smooth[r * wide + c] += cells[(r + dr) * wide + c + dc] / (1 + Math.abs(dr) + Math.abs(dc));
  return smooth;
}
