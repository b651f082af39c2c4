// The feature view: a map, a table and a card. Two hosts: anywidget calls `render` (a block of columns comes as a
// trait, cards and further columns by message from the kernel), the report calls `openPage` (all is in the page). Text enters
// the page as text nodes only, never as markup, so a token that looks like a tag is shown as it is.
// (The end tag of a script must not stand in these files: the report places them between script tags.)

// ---- the whole view --------------------------------------------------------------------------------------

// An error in a handler would be seen by nobody: it is shown in the panel.
function reporter() {
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
  return { problem, complain, guard };
}

function makeTooltip(root) {
  const el = h("div", { className: "cc-tip", role: "tooltip", hidden: true });
  function show(over, lines, at = null) {
    el.hidden = false;
    el.replaceChildren(...lines.map((line) => h("div", {}, apart(line))));
    const box = over.getBoundingClientRect(),
      frame = root.getBoundingClientRect();
    const [x, y] = at ? [box.left + at[0] + 10, box.top + at[1] + 6] : [box.left, box.bottom + 4];
    const left = clamp(x - frame.left, 0, Math.max(0, frame.width - el.offsetWidth));
    Object.assign(el.style, { left: `${left}px`, top: `${y - frame.top}px` });
  }
  const hide = () => {
    el.hidden = true;
  };
  function on(over, lines) {
    over.onmouseenter = () => show(over, lines());
    over.onmouseleave = hide;
  }
  return { el, show, hide, on };
}

// The points of the nulls come as columns that are called by the number of the null and the axis.
const nullColumns = (meta, columns) =>
  meta.nulls.map((_, i) => {
    const own = Object.keys(columns).filter((key) => key.startsWith(`${i}/`));
    return Object.fromEntries(own.map((key) => [key.slice(`${i}/`.length), columns[key]]));
  });

// Who is compared and how good the crosscoder is; below it what was measured, and on what it was trained.
function drawHeader({ names, facts, origin }) {
  const name = (text, i) => [
    ...(i ? [h("span", { className: "cc-hint" }, "vs")] : []),
    h("b", { className: ["cc-of-first", "cc-of-second"][i] ?? "" }, apart(text)),
  ];
  const item = ([label, value, help]) =>
    h("span", { className: "cc-item", title: help }, apart(label), " ", h("b", {}, apart(value)));
  return h(
    "header",
    { className: "cc-head" },
    h("div", {}, ...names.flatMap(name), ...facts.map(item)),
    ...(origin.length ? [h("div", { className: "cc-origin" }, ...origin.map(item))] : []),
  );
}

function mapOf(view, columns) {
  const { data, meta, tooltip, guard, state } = view;
  return new FeatureMap({
    data,
    meta,
    nulls: nullColumns(meta, columns),
    tooltip,
    onPick: guard((row) => pick(view, row)),
    onBrush: guard((sides) => {
      state.brush = sides;
      return applyFilter(view);
    }),
    onAxes: guard(async (axes) => {
      await data.need(axes);
      view.map.axes();
    }),
  });
}

const PAGES = { PageDown: 1, PageUp: -1, Home: -Infinity, End: Infinity };

// What a key does; whether it did anything.
function pressed(view, event) {
  const { key, target } = event;
  if (target === view.map.canvas && view.map.key(event)) return true;
  // JupyterLab keeps the browser's own Enter from reaching buttons, so it is handled here.
  if ((key === "Enter" || key === " ") && target.matches("button, .cc-example, .cc-row, summary")) target.click();
  else if (key === "j" || (key === "ArrowDown" && target.matches(".cc-row"))) step(view, 1);
  else if (key === "k" || (key === "ArrowUp" && target.matches(".cc-row"))) step(view, -1);
  else if (key === "Escape") {
    view.root.classList.remove("cc-open");
    view.tooltip.hide();
  } else if (key === "/") view.filterBox.focus();
  else if (PAGES[key] && view.body.contains(target)) turn(view, PAGES[key]);
  else return false;
  return true;
}

function listen(view) {
  view.root.setAttribute("data-lm-suppress-shortcuts", "true");
  view.root.tabIndex = -1;
  view.root.onkeydown = view.guard((event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input, select, textarea")) return;
    if (!pressed(view, event)) return;
    event.preventDefault();
    event.stopPropagation();
  });
}

function lay(view) {
  const { root, meta, tooltip } = view,
    [filters, panel] = [filterElements(view), panelElements(view)];
  view.stale = h("div", { className: "cc-stale", role: "status", hidden: true });
  const left = [view.map.el, ...filters, ...tableElements(view)];
  root.classList.add("cc");
  root.replaceChildren(
    drawHeader(meta),
    ...meta.notices.map((text) => h("div", { className: "cc-notice", role: "note" }, apart(text))),
    view.stale,
    h(
      "div",
      { className: "cc-columns" },
      h("section", { className: "cc-left", "aria-label": "features" }, ...left),
      h("section", { className: "cc-right", "aria-label": "feature" }, panel),
    ),
    tooltip.el,
  );
}

const startState = (meta) => ({
  rows: [],
  everybody: [],
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
});

// `source` answers: card(feature), group(feature, name), lens(feature), neighbours(feature), search(text), and where
// there is a kernel whole(feature, example), column(name), cells(features, names), write(feature, said).
// Returns { select, first, stale, close }.
function show(root, { meta, columns, texts, source, onSelect, link }) {
  const view = {
    root,
    meta,
    source,
    onSelect,
    link,
    ...reporter(),
    tooltip: makeTooltip(root),
    state: startState(meta),
  };
  view.data = makeData(meta, columns, texts, source);
  view.shownAs = (text) => meta.only[text] ?? text;
  view.map = mapOf(view, columns);
  lay(view);
  listen(view);
  drawHead(view);
  const resized = new ResizeObserver(() => [view.scroll, view.contents].forEach(fade));
  resized.observe(view.scroll);
  const ready = view.guard(() => applyFilter(view))();
  return {
    select: (feature) => select(view, feature),
    async first() {
      await ready;
      if (view.state.rows.length && view.state.row === null) await pick(view, view.state.rows[0]);
      root.classList.remove("cc-open");
    },
    stale(text) {
      view.stale.hidden = !text;
      view.stale.replaceChildren(text);
    },
    close() {
      resized.disconnect();
      view.map.close();
    },
  };
}
