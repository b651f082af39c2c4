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

